#include "lib/ops/layer_norm.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

constexpr double kEps = 1e-5;

TwoWays layer_norm_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>& w) { return layer_norm(x, w[0], w[1], kEps); },
          [](const at::Tensor& x, const std::vector<at::Tensor>& w) {
            return at::layer_norm(x, {x.size(1)}, w[0], w[1], kEps);
          }};
}

std::vector<at::Tensor> weights(std::int64_t width) {
  return {normal_doubles({width}, 21), normal_doubles({width}, 22)};
}

TEST(LayerNorm, GivesTheNumbersOfPyTorch) {
  const Weight weight = {.value = golden_weight(4), .grad = {}};
  const Weight bias = {.value = at::arange(4, at::kDouble).sin(), .grad = {}};
  expect_values(layer_norm(golden_input({2, 4}), weight, bias, kEps),
                {-1.56285141459854, 1.34001034370166, 1.68969244865441, 0.10541514643534, 1.63063041712129,
                 0.832121827374227, 0.262508709733389, -0.109678120203691},
                1e-13);
}

TEST(LayerNorm, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({3, 7}, 23);
  const Weight weight = normal_weight({7}, 24);
  const Weight bias = normal_weight({7}, 25);
  expect_gradients({.inputs = {x}, .weights = {weight, bias}}, [&] { return layer_norm(x, weight, bias, kEps); });
  expect_gradients({.inputs = {x}, .weights = {weight}}, [&] { return layer_norm(x, weight, {}, kEps); });
}

TEST(LayerNorm, TrainsItsBiasBesideAFrozenWeight) {
  const at::Tensor x = normal_input({3, 7}, 26);
  const Weight weight = {.value = normal_doubles({7}, 27), .grad = {}};
  const Weight bias = normal_weight({7}, 28);
  expect_gradients({.inputs = {x}, .weights = {bias}}, [&] { return layer_norm(x, weight, bias, kEps); });
}

// The mean is taken off before squares are summed: a large one leaves no trace.
TEST(LayerNorm, LosesNothingToALargeMean) {
  const at::Tensor x = (normal_doubles({4, 64}, 29) + 1000).to(at::kFloat);
  const Weight weight = {.value = at::ones({64}, at::kFloat), .grad = {}};
  const at::Tensor exact = at::layer_norm(x.to(at::kDouble), {64}, {}, {}, kEps);
  EXPECT_LE((layer_norm(x, weight, {}, kEps) - exact).abs().max().item<double>(), 2e-4);
}

TEST(LayerNorm, IsRightInFp32) {
  for (const std::int64_t width : {8, 31, 100, 1024}) {
    expect_fp32_near_plain(layer_norm_ways(), normal_doubles({70, width}, 30), weights(width), 5e-6);
  }
}

TEST(LayerNorm, IsAsExactInBf16AsPlainOperators) {
  expect_bf16_near_plain(layer_norm_ways(), normal_doubles({200, 100}, 31), weights(100));
}

TEST(LayerNorm, AddsToGradientsOfWeightsThatTrain) {
  expect_gradients_accumulate(layer_norm_ways(), normal_doubles({5, 6}, 32), weights(6));
  expect_weights_train_alone(layer_norm_ways(), normal_doubles({5, 6}, 32), weights(6));
}

TEST(LayerNorm, GivesTheSameBitsTwiceAndOnOneThread) {
  expect_same_bits(layer_norm_ways(), normal_doubles({1000, 96}, 33), weights(96), true);
}

TEST(LayerNorm, KeepsNothingWithoutGradients) {
  const at::Tensor x = normal_input({4, 6}, 34) * 1;  // not a leaf: those have an owner in the graph
  const Weight weight = normal_weight({6}, 35);
  const auto work = [&] { return layer_norm(x, weight, {}, kEps); };
  EXPECT_EQ(references_kept(x, work), 1);
  const at::NoGradGuard guard;
  EXPECT_EQ(references_kept(x, work), 0);
  EXPECT_FALSE(work().requires_grad());
}

}  // namespace
}  // namespace llmtrain
