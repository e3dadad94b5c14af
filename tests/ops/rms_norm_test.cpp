#include "lib/ops/rms_norm.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

constexpr double kEps = 1e-5;

TwoWays rms_norm_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>& w) { return rms_norm(x, w[0], kEps); },
          [](const at::Tensor& x, const std::vector<at::Tensor>& w) { return rms_norm_reference(x, w[0], kEps); }};
}

// By torch.nn.functional.rms_norm.
const std::vector<double> kGolden = {0.395341201352609, 1.03684164412354,   0.924271988203017,  0.327434273386884,
                                     0.057221250702238, -0.775541242837935, -0.937229784853463, -0.440542452936796};

TEST(RmsNorm, GivesTheNumbersOfPyTorch) {
  const Weight weight = {.value = golden_weight(4), .grad = {}};
  expect_values(rms_norm(golden_input({2, 4}), weight, kEps), kGolden, 1e-13);
  expect_values(rms_norm_reference(golden_input({2, 4}), weight.value, kEps), kGolden, 1e-13);
}

TEST(RmsNorm, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({3, 7}, 1);
  const Weight weight = normal_weight({7}, 2);
  expect_gradients({.inputs = {x}, .weights = {weight}}, [&] { return rms_norm(x, weight, kEps); });
}

// Queries and keys inside a wider row, as qk_norm has them.
TEST(RmsNorm, TakesHeadsInsideWiderRows) {
  const at::Tensor qkv = normal_input({5, 48}, 3);
  const Weight weight = normal_weight({8}, 4);
  const auto heads = [&] { return qkv.narrow(1, 16, 24).view({5, 3, 8}); };
  const at::Tensor y = rms_norm(heads(), weight, kEps);
  EXPECT_TRUE(at::allclose(y, rms_norm_reference(heads(), weight.value, kEps), 1e-13, 1e-13));
  expect_gradients({.inputs = {qkv}, .weights = {weight}}, [&] { return rms_norm(heads(), weight, kEps); });
}

TEST(RmsNorm, IsRightInFp32) {
  for (const std::int64_t width : {8, 31, 100, 1024}) {
    expect_fp32_near_plain(rms_norm_ways(), normal_doubles({70, width}, 5), {normal_doubles({width}, 6)}, 3e-6);
  }
}

TEST(RmsNorm, IsAsExactInBf16AsPlainOperators) {
  expect_bf16_near_plain(rms_norm_ways(), normal_doubles({200, 100}, 7), {normal_doubles({100}, 8)});
}

// bf16 beside fp32 weights, and gradients wider than their weights.
TEST(RmsNorm, TakesWeightsOfOtherTypes) {
  const at::Tensor x = normal_doubles({9, 16}, 9).to(at::kBFloat16).requires_grad_(true);
  const at::Tensor value = normal_doubles({16}, 10).to(at::kFloat);
  const Weight weight = {.value = value, .grad = at::zeros({16}, at::kFloat)};
  const Weight narrow = {.value = value.to(at::kBFloat16), .grad = at::zeros({16}, at::kFloat)};
  for (const Weight& w : {weight, narrow}) {
    const at::Tensor y = rms_norm(x, w, kEps);
    EXPECT_TRUE(at::equal(y, rms_norm_reference(x, w.value, kEps)));
    y.backward(at::ones_like(y));
  }
  EXPECT_TRUE(at::equal(weight.grad, narrow.grad));  // which depend on x alone
  EXPECT_GT(weight.grad.abs().max().item<double>(), 0);
}

TEST(RmsNorm, AddsToGradientsOfWeightsThatTrain) {
  expect_gradients_accumulate(rms_norm_ways(), normal_doubles({5, 6}, 11), {normal_doubles({6}, 12)});
  expect_weights_train_alone(rms_norm_ways(), normal_doubles({5, 6}, 11), {normal_doubles({6}, 12)});
}

TEST(RmsNorm, GivesTheSameBitsTwiceAndOnOneThread) {
  expect_same_bits(rms_norm_ways(), normal_doubles({1000, 96}, 13), {normal_doubles({96}, 14)}, true);
}

TEST(RmsNorm, KeepsNothingWithoutGradients) {
  const at::Tensor x = normal_input({4, 6}, 15) * 1;  // not a leaf: those have an owner in the graph
  const Weight weight = normal_weight({6}, 16);
  const auto work = [&] { return rms_norm(x, weight, kEps); };
  EXPECT_EQ(references_kept(x, work), 1);
  const at::NoGradGuard guard;
  EXPECT_EQ(references_kept(x, work), 0);
  EXPECT_FALSE(work().requires_grad());
}

}  // namespace
}  // namespace llmtrain
