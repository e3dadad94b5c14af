#include "tests/ops/operator_checks.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kGradientSeed = 4711;

std::vector<Weight> weights_of(const std::vector<at::Tensor>& values, at::ScalarType type) {
  std::vector<Weight> weights;
  for (const at::Tensor& value : values) {
    const at::Tensor rounded = value.to(type).clone();
    weights.push_back({.value = rounded, .grad = at::zeros_like(rounded)});
  }
  return weights;
}

at::Tensor leaf(const at::Tensor& value, at::ScalarType type) { return value.to(type).clone().requires_grad_(true); }

at::Tensor gradient_for(const at::Tensor& y) {
  return normal_doubles(y.sizes(), kGradientSeed).to(at::kBFloat16).to(y.scalar_type());
}

// y, the gradient of x, the gradients of weights.
std::vector<at::Tensor> by_ours(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& values,
                                at::ScalarType type) {
  const at::Tensor input = leaf(x, type);
  const auto weights = weights_of(values, type);
  const at::Tensor y = ways.ours(input, weights);
  y.backward(gradient_for(y));
  std::vector<at::Tensor> results = {y.detach(), input.grad()};
  for (const Weight& weight : weights) results.push_back(weight.grad);
  return results;
}

std::vector<at::Tensor> by_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& values,
                                 at::ScalarType type) {
  const at::Tensor input = leaf(x, type);
  std::vector<at::Tensor> weights;
  for (const at::Tensor& value : values) weights.push_back(leaf(value, type));
  const at::Tensor y = ways.plain(input, weights);
  y.backward(gradient_for(y));
  std::vector<at::Tensor> results = {y.detach(), input.grad()};
  for (const at::Tensor& weight : weights) results.push_back(weight.grad());
  return results;
}

double rms_error(const at::Tensor& a, const at::Tensor& truth) {
  return (a.to(at::kDouble) - truth).square().mean().sqrt().item<double>();
}

void expect_near_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights,
                       at::ScalarType type, double tolerance) {
  const at::Tensor input = x.to(type);
  std::vector<at::Tensor> rounded;
  for (const at::Tensor& weight : weights) rounded.push_back(weight.to(type));
  const auto ours = by_ours(ways, input, rounded, type);
  const auto truth = by_plain(ways, input, rounded, at::kDouble);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double error = (ours[i].to(at::kDouble) - truth[i]).abs().max().item<double>();
    EXPECT_LE(error, tolerance * truth[i].abs().max().item<double>()) << "result " << i;
  }
}

}  // namespace

at::Tensor golden_input(at::IntArrayRef sizes) {
  const std::int64_t count = c10::multiply_integers(sizes);
  return (at::arange(count, at::kDouble).mul(0.7).add(0.3).sin() * 2).view(sizes);
}

at::Tensor golden_weight(std::int64_t count) { return at::arange(count, at::kDouble).mul(0.4).cos(); }

void expect_values(const at::Tensor& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.numel(), static_cast<std::int64_t>(expected.size()));
  const at::Tensor flat = actual.detach().to(at::kDouble).contiguous().view(-1);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(flat.data_ptr<double>()[i], expected[i], tolerance) << "element " << i;
  }
}

Threads::Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
Threads::~Threads() { at::set_num_threads(before_); }

std::int64_t references_kept(const at::Tensor& tensor, const std::function<at::Tensor()>& work) {
  // An owner of the tensor, or a tensor of its own with the same memory.
  const auto owners = [&] { return static_cast<std::int64_t>(tensor.use_count() + tensor.storage().use_count()); };
  const std::int64_t before = owners();
  const at::Tensor result = work();
  return owners() - before;
}

void expect_bf16_near_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights) {
  std::vector<at::Tensor> rounded;
  for (const at::Tensor& weight : weights) rounded.push_back(weight.to(at::kBFloat16));
  const at::Tensor input = x.to(at::kBFloat16);
  const auto ours = by_ours(ways, input, rounded, at::kBFloat16);
  const auto plain = by_plain(ways, input, rounded, at::kBFloat16);
  const auto truth = by_plain(ways, input, rounded, at::kDouble);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    EXPECT_EQ(ours[i].scalar_type(), at::kBFloat16);
    EXPECT_GT(rms_error(plain[i], truth[i]), 0) << "result " << i;
    EXPECT_LE(rms_error(ours[i], truth[i]), 2 * rms_error(plain[i], truth[i])) << "result " << i;
  }
}

void expect_fp32_near_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights,
                            double tolerance) {
  expect_near_plain(ways, x, weights, at::kFloat, tolerance);
}

void expect_fp64_is_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights) {
  expect_near_plain(ways, x, weights, at::kDouble, 1e-14);
}

void expect_same_bits(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights,
                      bool whatever_threads) {
  const Threads two(2);
  const auto first = by_ours(ways, x, weights, at::kFloat);
  const auto second = by_ours(ways, x, weights, at::kFloat);
  const Threads one(whatever_threads ? 1 : 2);
  const auto alone = by_ours(ways, x, weights, at::kFloat);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(at::equal(first[i], second[i])) << "result " << i;
    EXPECT_TRUE(at::equal(first[i], alone[i])) << "result " << i << " on one thread";
  }
}

void expect_gradients_accumulate(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& values) {
  const auto once = by_ours(ways, x, values, at::kDouble);
  const auto weights = weights_of(values, at::kDouble);
  const at::Tensor input = leaf(x, at::kDouble);
  for (int pass = 0; pass < 2; ++pass) {
    const at::Tensor y = ways.ours(input, weights);
    y.backward(gradient_for(y));
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(at::allclose(weights[i].grad, 2 * once[i + 2], 1e-12, 1e-12)) << "weight " << i;
  }

  std::vector<Weight> frozen;
  for (const Weight& weight : weights) frozen.push_back({.value = weight.value, .grad = {}});
  const at::Tensor another = leaf(x, at::kDouble);
  const at::Tensor y = ways.ours(another, frozen);
  y.backward(gradient_for(y));
  EXPECT_TRUE(at::allclose(another.grad(), once[1], 1e-12, 1e-12));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_FALSE(frozen[i].trains());
    EXPECT_TRUE(at::equal(frozen[i].value, values[i].to(at::kDouble)));
    EXPECT_TRUE(at::allclose(weights[i].grad, 2 * once[i + 2], 1e-12, 1e-12)) << "weight " << i;
  }
}

void expect_weights_train_alone(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& values) {
  const auto beside = by_ours(ways, x, values, at::kDouble);
  const auto weights = weights_of(values, at::kDouble);
  const at::Tensor input = x.to(at::kDouble);
  const at::Tensor y = ways.ours(input, weights);
  ASSERT_TRUE(y.requires_grad());
  y.backward(gradient_for(y));
  EXPECT_FALSE(input.grad().defined());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_TRUE(at::allclose(weights[i].grad, beside[i + 2], 1e-12, 1e-12)) << "weight " << i;
  }
}

}  // namespace llmtrain
