#include "lib/ops/weight.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

TEST(Accumulate, AddsWhateverTheTypes) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    for (const at::ScalarType other : {at::kFloat, at::kBFloat16, at::kDouble}) {
      const at::Tensor grad = at::full({2}, 3, type);
      accumulate(grad, at::full({2}, 0.5, other));
      EXPECT_EQ(grad.scalar_type(), type);
      expect_values(grad, {3.5, 3.5}, 0);
    }
  }
}

TEST(Accumulate, RefusesAnotherShape) { EXPECT_THROW(accumulate(at::zeros({2, 3}), at::zeros({3})), InternalError); }

TEST(GradientAnchor, IsThereWhereWantedAndRecorded) {
  EXPECT_TRUE(gradient_anchor(true).requires_grad());
  EXPECT_EQ(gradient_anchor(true).numel(), 0);
  EXPECT_FALSE(gradient_anchor(false).defined());
  const at::NoGradGuard guard;
  EXPECT_FALSE(gradient_anchor(true).defined());
}

TEST(Weight, TrainsWithAGradientBuffer) {
  EXPECT_FALSE(Weight{}.defined());
  const Weight frozen = {.value = at::zeros({1}), .grad = {}};
  EXPECT_TRUE(frozen.defined());
  EXPECT_FALSE(frozen.trains());
  EXPECT_TRUE((Weight{.value = at::zeros({1}), .grad = at::zeros({1})}).trains());
}

}  // namespace
}  // namespace llmtrain
