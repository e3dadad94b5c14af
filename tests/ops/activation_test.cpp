#include "lib/ops/activation.h"

#include <cmath>
#include <limits>
#include <numbers>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

TwoWays gelu_ways(GeluKind kind) {
  return {[kind](const at::Tensor& x, const std::vector<Weight>&) { return gelu(x, kind); },
          [kind](const at::Tensor& x, const std::vector<at::Tensor>&) {
            return at::gelu(x, kind == GeluKind::kTanh ? "tanh" : "none");
          }};
}

TwoWays swiglu_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>&) { return swiglu(x); },
          [](const at::Tensor& x, const std::vector<at::Tensor>&) {
            const auto parts = x.chunk(2, 1);
            return at::silu(parts[0]) * parts[1];
          }};
}

std::vector<TwoWays> all_ways() { return {gelu_ways(GeluKind::kErf), gelu_ways(GeluKind::kTanh), swiglu_ways()}; }

TEST(Activation, GivesTheNumbersOfPyTorch) {
  const at::Tensor x = golden_input({2, 4});
  expect_values(gelu(x, GeluKind::kErf),
                {0.427176425972731, 1.60520155704962, 1.93639350780244, 1.23155916783619, 0.0443364930008452,
                 -0.135256977425588, -0.0494395251303112, -0.0682410566925378},
                1e-14);
  expect_values(gelu(x, GeluKind::kTanh),
                {0.427145172078108, 1.60505879236208, 1.93647702424788, 1.23132564838959, 0.0443364773359547,
                 -0.135475689337714, -0.0493803558257495, -0.0683306109521747},
                1e-14);
  expect_values(swiglu(x), {0.754450403038673, 1.91725409953258, -0.084670957262335, 0.491430562088562}, 1e-14);
}

TEST(Activation, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({3, 6}, 71);
  for (const TwoWays& ways : all_ways()) expect_gradients({.inputs = {x}}, [&] { return ways.ours(x, {}); });
}

// Against LibTorch's formulas: no polynomial of fp32 stands in for a function of float64.
TEST(Activation, IsExactInFp64) {
  for (const TwoWays& ways : all_ways()) expect_fp64_is_plain(ways, 3 * normal_doubles({50, 802}, 78), {});
}

TEST(Activation, IsRightInFp32) {
  for (const TwoWays& ways : all_ways()) expect_fp32_near_plain(ways, 3 * normal_doubles({50, 802}, 72), {}, 3e-7);
}

// Relative to each value, so that the tail counts; e^(-x^2/2) magnifies the rounding of x^2 / 2.
TEST(Activation, GeluIsRightInItsTail) {
  for (float x = -8; x < 8; x += 0.0078125F) {
    const double exact = x * std::erfc(-x / std::numbers::sqrt2) / 2;
    EXPECT_NEAR(gelu(at::full({1}, x, at::kFloat), GeluKind::kErf).item<double>(), exact, 3e-6 * std::abs(exact)) << x;
  }
}

// One minus a sigmoid near 1, times x, must not show what the subtraction loses.
TEST(Activation, SlopesAreRightFarOut) {
  const at::Tensor exact = at::arange(0, 25, 0x1p-7, at::kDouble);
  const at::Tensor gate = exact.sigmoid();
  const at::Tensor slope = gate + exact * gate * (-exact).sigmoid();
  const at::Tensor gate_up = at::stack({exact, at::ones_like(exact)}, 1).to(at::kFloat).requires_grad_(true);
  swiglu(gate_up).sum().backward();
  EXPECT_LE(((gate_up.grad().select(1, 0) - slope) / slope).abs().max().item<double>(), 3e-7);

  const at::Tensor x = exact.to(at::kFloat).requires_grad_(true);
  gelu(x, GeluKind::kTanh).sum().backward();
  const at::Tensor wide = exact.clone().requires_grad_(true);
  at::gelu(wide, "tanh").sum().backward();
  EXPECT_LE(((x.grad() - wide.grad()) / wide.grad()).abs().max().item<double>(), 1e-6);
}

TEST(Activation, IsAsExactInBf16AsPlainOperators) {
  for (const TwoWays& ways : all_ways()) expect_bf16_near_plain(ways, 2 * normal_doubles({50, 402}, 73), {});
}

TEST(Activation, StandsVeryLargeNumbers) {
  const std::vector<float> numbers = {100, 1e4F, 1e19F, -100, -1e4F, -1e19F};
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const at::Tensor x = at::tensor(numbers, at::kFloat).to(type).requires_grad_(true);
    for (const GeluKind kind : {GeluKind::kErf, GeluKind::kTanh}) {
      x.mutable_grad() = at::Tensor();
      const at::Tensor y = gelu(x, kind);
      y.sum().backward();
      EXPECT_TRUE(at::equal(y.slice(0, 0, 3), x.slice(0, 0, 3)));
      EXPECT_LE(y.slice(0, 3).abs().max().item<double>(), 1e-16);
      EXPECT_TRUE(at::equal(x.grad().slice(0, 0, 3), at::ones({3}, type)));
      EXPECT_LE(x.grad().slice(0, 3).abs().max().item<double>(), 1e-15);
    }
    const at::Tensor gate_up =
        at::tensor({-1e19F, 1.0F, 1e19F, 1.0F, -800.0F, 1.0F}, at::kFloat).to(type).view({3, 2}).requires_grad_(true);
    const at::Tensor y = swiglu(gate_up);
    y.sum().backward();
    expect_values(y, {0, 1e19F, 0}, 1e-16);
    expect_values(gate_up.grad(), {0, 0, 1, 1e19F, 0, 0}, 1e-16);
  }
}

TEST(Activation, PassesNanOn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor x = at::full({3, 4}, nan, at::kFloat).to(type).requires_grad_(true);
    for (const TwoWays& ways : all_ways()) {
      x.mutable_grad() = at::Tensor();
      const at::Tensor y = ways.ours(x, {});
      y.sum().backward();
      EXPECT_TRUE(y.isnan().all().item<bool>());
      EXPECT_TRUE(x.grad().isnan().all().item<bool>());
    }
  }
}

TEST(Activation, TakesAnyShapeAndStride) {
  const at::Tensor x = normal_doubles({4, 3, 2}, 74);
  EXPECT_TRUE(at::allclose(gelu(x.transpose(0, 1), GeluKind::kErf), at::gelu(x.transpose(0, 1)), 1e-13, 1e-13));
  const at::Tensor wide = normal_input({3, 12}, 75);
  expect_gradients({.inputs = {wide}}, [&] { return swiglu(wide.narrow(1, 2, 8)); });
}

TEST(Activation, GivesTheSameBitsTwiceAndOnOneThread) {
  for (const TwoWays& ways : all_ways()) expect_same_bits(ways, normal_doubles({300, 202}, 76), {}, true);
}

TEST(Activation, KeepsNothingWithoutGradients) {
  const at::Tensor x = normal_input({4, 6}, 77) * 1;  // not a leaf: those have an owner in the graph
  for (const TwoWays& ways : all_ways()) {
    const auto work = [&] { return ways.ours(x, {}); };
    EXPECT_EQ(references_kept(x, work), 1);
    const at::NoGradGuard guard;
    EXPECT_EQ(references_kept(x, work), 0);
    EXPECT_FALSE(work().requires_grad());
  }
}

}  // namespace
}  // namespace llmtrain
