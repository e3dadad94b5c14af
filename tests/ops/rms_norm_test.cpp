#include "lib/ops/rms_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"

namespace llmtrain {
namespace {

TEST(RmsNorm, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({3, 7}, 1);
  const Weight weight = normal_weight({7}, 2);
  expect_gradients({.inputs = {x}, .weights = {weight}}, [&] { return rms_norm(x, weight, 1e-5); });
}

}  // namespace
}  // namespace llmtrain
