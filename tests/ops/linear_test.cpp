#include "lib/ops/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

TwoWays linear_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>& w) { return linear(x, w[0], w[1]); },
          [](const at::Tensor& x, const std::vector<at::Tensor>& w) { return at::linear(x, w[0], w[1]); }};
}

std::vector<at::Tensor> weights(std::int64_t out, std::int64_t in) {
  return {normal_doubles({out, in}, 41), normal_doubles({out}, 42)};
}

// By hand: x = (1, 2), W = ((3, 4), (5, 6), (7, 8)), b = (10, 20, 30); gradient of y (1, 10, 100).
TEST(Linear, MultipliesAndGoesBackByHand) {
  const at::Tensor x = at::tensor({1.0, 2.0}, at::kDouble).view({1, 2}).requires_grad_(true);
  const at::Tensor value = at::tensor({3.0, 4.0, 5.0, 6.0, 7.0, 8.0}, at::kDouble).view({3, 2});
  const Weight weight = {.value = value, .grad = at::ones_like(value)};
  const Weight bias = {.value = at::tensor({10.0, 20.0, 30.0}, at::kDouble), .grad = at::ones({3}, at::kDouble)};
  const at::Tensor y = linear(x, weight, bias);
  expect_values(y, {21, 37, 53}, 0);
  y.backward(at::tensor({1.0, 10.0, 100.0}, at::kDouble).view({1, 3}));
  expect_values(x.grad(), {753, 864}, 0);
  expect_values(weight.grad, {2, 3, 11, 21, 101, 201}, 0);  // ones were there before
  expect_values(bias.grad, {2, 11, 101}, 0);
}

TEST(Linear, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({4, 5}, 43);
  const Weight weight = normal_weight({3, 5}, 44);
  const Weight bias = normal_weight({3}, 45);
  expect_gradients({.inputs = {x}, .weights = {weight, bias}}, [&] { return linear(x, weight, bias); });
  expect_gradients({.inputs = {x}, .weights = {weight}}, [&] { return linear(x, weight); });
}

TEST(Linear, TakesTransposedInputs) {
  const at::Tensor x = normal_input({5, 4}, 46);
  const Weight weight = normal_weight({3, 5}, 47);
  expect_gradients({.inputs = {x}, .weights = {weight}}, [&] { return linear(x.t(), weight); });
}

TEST(Linear, IsRightInFp32) {
  expect_fp32_near_plain(linear_ways(), normal_doubles({130, 48}, 48), weights(72, 48), 3e-6);
}

TEST(Linear, IsAsExactInBf16AsPlainOperators) {
  expect_bf16_near_plain(linear_ways(), normal_doubles({130, 48}, 49), weights(72, 48));
}

// Products of bf16 are added to fp32 gradients without being rounded to bf16: 2^-9 beside 1 would be lost.
TEST(Linear, AddsToWiderGradientsExactly) {
  const at::Tensor x = at::ones({16, 32}, at::kBFloat16);
  const Weight weight = {.value = at::ones({32, 32}, at::kBFloat16), .grad = at::ones({32, 32}, at::kFloat)};
  const Weight bias = {.value = at::zeros({32}, at::kBFloat16), .grad = at::ones({32}, at::kFloat)};
  const at::Tensor y = linear(x, weight, bias);
  y.backward(at::full({16, 32}, 0x1p-13, at::kBFloat16));
  EXPECT_TRUE(at::equal(weight.grad, at::full({32, 32}, 1 + 0x1p-9, at::kFloat)));
  EXPECT_TRUE(at::equal(bias.grad, at::full({32}, 1 + 0x1p-9, at::kFloat)));
}

// However inputs and gradients lie: straight, transposed, cut from wider rows, a number or a row repeated.
TEST(Linear, AddsToWiderGradientsWhateverTheStrides) {
  struct Size {
    std::int64_t tokens, in, out;
  };
  for (const auto& [tokens, in, out] : {Size{70, 48, 40}, Size{7, 5, 3}, Size{1, 4, 6}, Size{9, 1, 1}, Size{3, 1, 5}}) {
    const auto normal = [](std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
      return normal_doubles({rows, columns}, seed).to(at::kBFloat16);
    };
    const std::vector<at::Tensor> inputs = {normal(tokens, in, 56), normal(in, tokens, 57).t(),
                                            normal(tokens, in + 3, 58).narrow(1, 2, in)};
    const std::vector<at::Tensor> gradients = {
        normal(tokens, out, 59), normal(out, tokens, 60).t(), normal(tokens, out + 3, 61).narrow(1, 1, out),
        normal(1, 1, 62).expand({tokens, out}), normal(1, out, 63).expand({tokens, out})};
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      for (std::size_t g = 0; g < gradients.size(); ++g) {
        const Weight weight = {.value = normal(out, in, 64), .grad = at::ones({out, in}, at::kFloat)};
        const Weight bias = {.value = normal(1, out, 65).view(-1), .grad = at::ones({out}, at::kFloat)};
        linear(inputs[i], weight, bias).backward(gradients[g]);
        const at::Tensor gy = gradients[g].to(at::kDouble);
        EXPECT_TRUE(at::allclose(weight.grad.to(at::kDouble), 1 + gy.t().mm(inputs[i].to(at::kDouble)), 1e-5, 1e-5))
            << tokens << ", input " << i << ", gradient " << g;
        EXPECT_TRUE(at::allclose(bias.grad.to(at::kDouble), 1 + gy.sum(0), 1e-5, 1e-5)) << tokens << " " << g;
      }
    }
  }
}

// bf16 beside fp32 weights: the product is that of the rounded weights, the gradients stay fp32.
TEST(Linear, TakesWeightsOfOtherTypes) {
  const at::Tensor x = normal_doubles({9, 16}, 66).to(at::kBFloat16).requires_grad_(true);
  const Weight wide = {.value = normal_doubles({8, 16}, 67).to(at::kFloat), .grad = at::zeros({8, 16}, at::kFloat)};
  const Weight narrow = {.value = wide.value.to(at::kBFloat16), .grad = at::zeros({8, 16}, at::kFloat)};
  std::vector<at::Tensor> results;
  for (const Weight& weight : {wide, narrow}) {
    x.mutable_grad() = at::Tensor();
    const at::Tensor y = linear(x, weight);
    EXPECT_EQ(y.scalar_type(), at::kBFloat16);
    y.backward(at::ones_like(y));
    results.insert(results.end(), {y.detach(), x.grad(), weight.grad});
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(at::equal(results[i], results[i + 3])) << i;
  const at::Tensor sums = x.detach().to(at::kDouble).sum(0).expand({8, 16});
  EXPECT_TRUE(at::allclose(wide.grad.to(at::kDouble), sums, 1e-5, 1e-5));
}

TEST(Linear, TrainsItsBiasBesideAFrozenWeight) {
  const at::Tensor x = normal_input({4, 5}, 68);
  const Weight weight = {.value = normal_doubles({3, 5}, 69), .grad = {}};
  const Weight bias = normal_weight({3}, 70);
  expect_gradients({.inputs = {x}, .weights = {bias}}, [&] { return linear(x, weight, bias); });
}

TEST(Linear, AddsToGradientsOfWeightsThatTrain) {
  expect_gradients_accumulate(linear_ways(), normal_doubles({5, 6}, 50), weights(4, 6));
  expect_weights_train_alone(linear_ways(), normal_doubles({5, 6}, 50), weights(4, 6));
}

TEST(Linear, GivesTheSameBitsTwice) {
  expect_same_bits(linear_ways(), normal_doubles({500, 96}, 51), weights(96, 96), false);
}

// The optimizer writes values, other passes write gradients, between a forward pass and its backward pass.
TEST(Linear, LetsItsWeightsBeWrittenInPlace) {
  const at::Tensor x = normal_input({2, 3}, 52);
  const Weight weight = normal_weight({2, 3}, 53);
  const at::Tensor y = linear(x, weight);
  weight.value.zero_();
  weight.grad.add_(1);
  EXPECT_NO_THROW(y.backward(at::ones_like(y)));
  EXPECT_TRUE(at::allclose(weight.grad, 1 + x.sum(0).expand({2, 3})));
}

TEST(Linear, KeepsItsInputOnlyForAWeightThatTrains) {
  const at::Tensor x = normal_input({4, 6}, 54) * 1;  // not a leaf: those have an owner in the graph
  const Weight weight = normal_weight({3, 6}, 55);
  const Weight frozen = {.value = weight.value, .grad = {}};
  EXPECT_EQ(references_kept(x, [&] { return linear(x, weight); }), 1);
  EXPECT_EQ(references_kept(x, [&] { return linear(x, frozen); }), 0);
  EXPECT_TRUE(linear(x, frozen).requires_grad());
  const at::NoGradGuard guard;
  EXPECT_EQ(references_kept(x, [&] { return linear(x, weight); }), 0);
  EXPECT_FALSE(linear(x, weight).requires_grad());
}

}  // namespace
}  // namespace llmtrain
