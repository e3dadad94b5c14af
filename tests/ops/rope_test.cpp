#include "lib/ops/rope.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/base/error.h"
#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

constexpr double kTheta = 10000;

at::Tensor positions_of(const std::vector<std::int32_t>& positions) { return at::tensor(positions, at::kInt); }

RopeTable plain_table(std::int64_t head_dim, at::ScalarType type = at::kDouble) {
  return rope_table(256, head_dim, kTheta, std::nullopt, type);
}

// The formula of arXiv 2104.09864 by plain operators, for two heads of 8 in rows of 20.
at::Tensor plain_rope(const at::Tensor& x, const at::Tensor& positions) {
  const at::Tensor frequencies = at::pow(kTheta, at::arange(4, at::kDouble) / -4.0);
  const at::Tensor angles = positions.to(at::kDouble).unsqueeze(1) * frequencies;
  const at::Tensor cosines = angles.cos().to(x.scalar_type());
  const at::Tensor sines = angles.sin().to(x.scalar_type());
  std::vector<at::Tensor> parts;
  for (std::int64_t head = 0; head < 2; ++head) {
    const at::Tensor first = x.narrow(1, head * 8, 4);
    const at::Tensor second = x.narrow(1, head * 8 + 4, 4);
    parts.push_back(first * cosines - second * sines);
    parts.push_back(second * cosines + first * sines);
  }
  parts.push_back(x.narrow(1, 16, 4));
  return at::cat(parts, 1);
}

const std::vector<std::int32_t> kPositions = {0, 1, 7, 255, 3};

TwoWays rope_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>&) {
            const at::ScalarType type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
            return rope_(x * 1, plain_table(8, type), positions_of(kPositions), 2, 8);
          },
          [](const at::Tensor& x, const std::vector<at::Tensor>&) { return plain_rope(x, positions_of(kPositions)); }};
}

// By transformers' LlamaRotaryEmbedding, whose angles are fp32.
TEST(Rope, GivesTheNumbersOfTransformers) {
  const at::Tensor x = golden_input({3, 8});
  rope_(x, plain_table(8), positions_of({0, 3, 100}), 1, 8);
  expect_values(x, {0.591040413322679, 1.68294196961579,   1.98332962090494,  1.3509263611023,   0.0831613248665819,
                    -1.22371578188544, -1.95506023533019,  -1.76690931144031, 0.553153750011363, 0.580610400412122,
                    1.73760653632073,  1.9845932564474,    -1.4181920812976,  0.23147127924699,  -1.19856024796748,
                    -1.95592754910172, -0.510502998287834, 1.30870062188297,  0.34046883327513,  1.83714793580855,
                    2.58842200804125,  -0.701507405278402, 0.559725512865545, -1.09829150169257},
                5e-6);
}

// By transformers for Llama 3.1 (theta 500000, factor 8, 1, 4, 8192): every fourth frequency of a head of 128.
TEST(Rope, StretchesFrequenciesAsLlama3) {
  const std::vector<double> frequencies = {1,
                                           0.440366625785828,
                                           0.193922758102417,
                                           0.0853971019387245,
                                           0.0376060307025909,
                                           0.0165604408830404,
                                           0.00729266507551074,
                                           0.00321144610643387,
                                           0.0005248460220173,
                                           7.7846554631833e-05,
                                           3.42810235451907e-05,
                                           1.50962177940528e-05,
                                           6.64786966808606e-06,
                                           2.92749973596074e-06,
                                           1.28917315578292e-06,
                                           5.67708809739997e-07};
  const RopeTable table = rope_table(2, 128, 500000, RopeScaling{}, at::kDouble);
  const at::Tensor angles = at::atan2(table.sines, table.cosines).select(0, 1);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    EXPECT_NEAR(angles[static_cast<std::int64_t>(4 * i)].item<double>() / frequencies[i], 1, 5e-7) << i;
  }
}

// By the formula in scripts/fixtures/ops_golden.py, in double, for Llama 3.2: a frequency of each of the three bands
// and those beside their borders.
TEST(Rope, StretchesFrequenciesAsLlama32) {
  const std::vector<std::pair<std::int64_t, double>> frequencies = {
      {0, 1},
      {1, 0.66360123769608848},
      {13, 0.0048394213457198928},
      {14, 0.0032114459947525909},
      {15, 0.001290547928209264},
      {16, 0.00042955679655936815},
      {17, 9.7082878026276702e-05},
      {18, 1.9461638184831125e-05},
      {31, 9.41830672543491e-08},
  };
  const RopeScaling scaling = {.factor = 32, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192};
  const RopeTable table = rope_table(2, 64, 500000, scaling, at::kDouble);
  for (const auto& [i, frequency] : frequencies) {
    EXPECT_NEAR(at::atan2(table.sines, table.cosines)[1][i].item<double>() / frequency, 1, 1e-12) << i;
  }
}

// cos 1 = 0.540302..., sin 1 = 0.841470..., cos 2 = -0.416146..., sin 2 = 0.909297...
TEST(Rope, TurnsAHeadOfTwoByHand) {
  const at::Tensor x = at::tensor({1.0, 0.0, 3.0, 4.0, 3.0, 4.0}, at::kDouble).view({3, 2});
  rope_(x, plain_table(2), positions_of({1, 2, 0}), 1, 2);
  expect_values(x, {0.5403023058681398, 0.8414709848078965, -4.885630216944153, 1.0633049342884753, 3, 4}, 1e-14);
}

TEST(Rope, ChangesItsInputInPlaceAndOnlyTheHeads) {
  const at::Tensor x = normal_doubles({3, 10}, 81);
  const at::Tensor before = x.clone();
  const at::Tensor y = rope_(x, plain_table(4), positions_of({0, 1, 2}), 2, 4);
  EXPECT_EQ(y.data_ptr(), x.data_ptr());
  EXPECT_TRUE(at::equal(y.narrow(1, 8, 2), before.narrow(1, 8, 2)));
  EXPECT_TRUE(at::equal(y[0], before[0]));  // position 0 turns by nothing
  EXPECT_FALSE(at::allclose(y[1].narrow(0, 0, 8), before[1].narrow(0, 0, 8)));
}

TEST(Rope, GradientsAreThoseOfDifferences) {
  const at::Tensor x = normal_input({5, 20}, 82);
  expect_gradients({.inputs = {x}}, [&] { return rope_ways().ours(x, {}) * 1; });
}

// A turn's transpose is its inverse: the result, as a gradient, comes back as what went in.
TEST(Rope, GoesBackByTheInverse) {
  const at::Tensor x = normal_input({5, 20}, 92);
  const at::Tensor y = rope_ways().ours(x, {});
  y.backward(y.detach().clone());
  EXPECT_FALSE(at::allclose(y, x, 1e-3, 1e-3));
  EXPECT_TRUE(at::allclose(x.grad(), x, 1e-14, 1e-14));
}

TEST(Rope, IsRightInFp32AndBf16) {
  expect_fp32_near_plain(rope_ways(), normal_doubles({5, 20}, 83), {}, 3e-7);
  expect_bf16_near_plain(rope_ways(), normal_doubles({5, 20}, 84), {});
}

TEST(Rope, GivesTheSameBitsTwiceAndOnOneThread) {
  const TwoWays many = {[](const at::Tensor& x, const std::vector<Weight>&) {
                          const at::Tensor positions = at::arange(x.size(0), at::kInt).remainder(256);
                          return rope_(x * 1, plain_table(8, at::kFloat), positions, 2, 8);
                        },
                        {}};
  expect_same_bits(many, normal_doubles({3000, 20}, 85), {}, true);
}

// The backward pass turns the gradient where it lies only if nobody else can see it.
TEST(Rope, LeavesGradientsOfOthersAlone) {
  const at::Tensor x = normal_input({5, 20}, 86);
  const at::Tensor gradient = normal_doubles({5, 20}, 87);
  const at::Tensor kept = gradient.clone();
  rope_ways().ours(x, {}).backward(gradient);
  EXPECT_TRUE(at::equal(gradient, kept));

  // Both summands get the very tensor that the sum got.
  const at::Tensor other = normal_input({5, 20}, 88);
  x.mutable_grad() = at::Tensor();
  const at::Tensor sum = rope_ways().ours(x, {}) + rope_ways().ours(other, {}) + other;
  (sum * gradient).sum().backward();
  const at::Tensor plain = normal_input({5, 20}, 86);
  const at::Tensor plain_other = normal_input({5, 20}, 88);
  const at::Tensor plain_sum = rope_ways().plain(plain, {}) + rope_ways().plain(plain_other, {}) + plain_other;
  (plain_sum * gradient).sum().backward();
  EXPECT_TRUE(at::allclose(x.grad(), plain.grad(), 1e-13, 1e-13));
  EXPECT_TRUE(at::allclose(other.grad(), plain_other.grad(), 1e-13, 1e-13));
}

TEST(Rope, TurnsAGradientThatNobodyElseSeesWhereItLies) {
  const at::Tensor x = normal_input({5, 20}, 89);
  const at::Tensor turned = rope_(x + 0, plain_table(8), positions_of(kPositions), 2, 8);  // + hands gradients on
  const void* given = nullptr;
  const void* turned_back = nullptr;
  turned.register_hook([&](const at::Tensor& g) { given = g.data_ptr(); });
  x.register_hook([&](const at::Tensor& g) { turned_back = g.data_ptr(); });
  (turned * 2).sum().backward();
  EXPECT_NE(given, nullptr);
  EXPECT_EQ(given, turned_back);
}

// Who saved x before it was turned must not go back with the turned one.
TEST(Rope, TellsWhoSavedItsInputBefore) {
  const at::Tensor x = normal_input({5, 20}, 90);
  const at::Tensor input = x * 1;
  const at::Tensor saved = input.sin();
  rope_(input, plain_table(8), positions_of(kPositions), 2, 8);
  EXPECT_THROW(saved.sum().backward(), c10::Error);

  const at::Tensor another = x * 1;
  const at::Tensor saved_too = another.sin();
  {
    const at::NoGradGuard guard;
    EXPECT_FALSE(rope_(at::clone(x.detach()), plain_table(8), positions_of(kPositions), 2, 8).requires_grad());
    rope_(another, plain_table(8), positions_of(kPositions), 2, 8);
  }
  EXPECT_THROW(saved_too.sum().backward(), c10::Error);
}

TEST(Rope, RefusesPositionsOutsideItsTable) {
  const at::Tensor x = normal_doubles({2, 8}, 91);
  EXPECT_THROW(rope_(x, plain_table(8), positions_of({0, 256}), 1, 8), InternalError);
  EXPECT_THROW(rope_(x, plain_table(8), positions_of({-1, 0}), 1, 8), InternalError);
  EXPECT_THROW(rope_(x, plain_table(8), positions_of({0}), 1, 8), InternalError);
  EXPECT_THROW(rope_(x, plain_table(8), positions_of({0, 1}), 2, 8), InternalError);
  EXPECT_THROW(rope_(x.to(at::kFloat), plain_table(8), positions_of({0, 1}), 1, 8), InternalError);
}

}  // namespace
}  // namespace llmtrain
