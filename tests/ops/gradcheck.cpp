#include "tests/ops/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/base/random.h"

namespace llmtrain {
namespace {

// Fixed numbers of no pattern that outputs are multiplied by, so that no two elements' gradients can be exchanged
// unseen.
constexpr std::uint64_t kCotangentSeed = 7919;

at::Tensor loss_of(const std::function<std::vector<at::Tensor>()>& outputs) {
  at::Tensor loss = at::zeros({}, at::kDouble);
  std::uint64_t seed = kCotangentSeed;
  for (const at::Tensor& output : outputs()) {
    loss = loss + (output.to(at::kDouble) * normal_doubles(output.sizes(), seed++)).sum();
  }
  return loss;
}

double loss_value(const std::function<std::vector<at::Tensor>()>& outputs) {
  const at::NoGradGuard guard;
  return loss_of(outputs).item<double>();
}

// The gradient by differences at every element of `at`, which is changed and put back.
at::Tensor difference_quotients(const at::Tensor& at, double step,
                                const std::function<std::vector<at::Tensor>()>& outputs) {
  at::Tensor result = at::empty(at.sizes(), at::kDouble);
  auto* slopes = result.data_ptr<double>();
  auto* values = at.data_ptr<double>();
  for (std::int64_t i = 0; i < at.numel(); ++i) {
    const double before = values[i];
    values[i] = before + step;
    const double above = loss_value(outputs);
    values[i] = before - step;
    const double below = loss_value(outputs);
    values[i] = before;
    slopes[i] = (above - below) / (2 * step);
  }
  return result;
}

void expect_near(const at::Tensor& by_backward, const at::Tensor& by_differences, double tolerance,
                 const std::string& name) {
  ASSERT_TRUE(by_backward.defined()) << name << " has no gradient";
  const double scale = by_differences.abs().max().item<double>();
  const double error = (by_backward - by_differences).abs().max().item<double>();
  EXPECT_GT(scale, 0) << name << ": every gradient is zero, nothing was compared";
  EXPECT_LE(error, tolerance * scale) << name << ", whose largest gradient is " << scale;
}

}  // namespace

at::Tensor normal_doubles(at::IntArrayRef sizes, std::uint64_t seed) {
  at::Tensor result = at::empty(sizes, at::kDouble);
  auto* values = result.data_ptr<double>();
  RandomStream random(seed, "test_tensor");
  for (std::int64_t i = 0; i < result.numel(); ++i) {  // Box and Muller 1958
    const double radius = std::sqrt(-2 * std::log1p(-random.uniform()));
    values[i] = radius * std::cos(2 * std::numbers::pi * random.uniform());
  }
  return result;
}

at::Tensor normal_input(at::IntArrayRef sizes, std::uint64_t seed) {
  return normal_doubles(sizes, seed).requires_grad_(true);
}

Weight normal_weight(at::IntArrayRef sizes, std::uint64_t seed) {
  const at::Tensor value = normal_doubles(sizes, seed);
  return {.value = value, .grad = at::zeros_like(value)};
}

void expect_gradients(const Gradcheck& check, const std::function<std::vector<at::Tensor>()>& outputs) {
  for (const at::Tensor& input : check.inputs) input.mutable_grad() = at::Tensor();
  for (const Weight& weight : check.weights) weight.grad.zero_();
  torch::autograd::backward({loss_of(outputs)}, {});
  for (std::size_t i = 0; i < check.inputs.size(); ++i) {
    const at::Tensor& input = check.inputs[i];
    expect_near(input.grad(), difference_quotients(input, check.step, outputs), check.tolerance,
                "input " + std::to_string(i));
  }
  for (std::size_t i = 0; i < check.weights.size(); ++i) {
    const Weight& weight = check.weights[i];
    expect_near(weight.grad, difference_quotients(weight.value, check.step, outputs), check.tolerance,
                "weight " + std::to_string(i));
  }
}

void expect_gradients(const Gradcheck& check, const std::function<at::Tensor()>& output) {
  const std::function<std::vector<at::Tensor>()> outputs = [&] { return std::vector<at::Tensor>{output()}; };
  expect_gradients(check, outputs);
}

}  // namespace llmtrain
