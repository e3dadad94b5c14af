#include "lib/ops/dropout.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include "lib/base/random.h"
#include "lib/ops/cpu/philox_words.h"
#include "tests/ops/gradcheck.h"
#include "tests/ops/operator_checks.h"

namespace llmtrain {
namespace {

constexpr DropoutStream kStream = {.rate = 0.3, .key = 0x123456789ABCDEF0, .step = 5, .site = 7, .first_token = 0};

// Word by word as the header says.
bool kept(const DropoutStream& stream, std::uint64_t element) {
  const std::uint64_t counter = element / 4;
  const auto words = philox4x32(
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U), stream.site, stream.step},
      {static_cast<std::uint32_t>(stream.key), static_cast<std::uint32_t>(stream.key >> 32U)});
  return words.at(element % 4) >= stream.rate * 0x1p32;
}

void expect_rule(const DropoutStream& stream, std::int64_t tokens, std::int64_t width) {
  const at::Tensor y = dropout(at::ones({tokens, width}, at::kDouble), stream);
  const auto* values = y.const_data_ptr<double>();
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const std::uint64_t element =
        stream.first_token * static_cast<std::uint64_t>(width) + static_cast<std::uint64_t>(i);
    ASSERT_EQ(values[i], kept(stream, element) ? 1 / (1 - stream.rate) : 0) << "element " << i;
  }
}

TEST(Philox, EveryKernelGivesTheWordsOfTheReference) {
  const PhiloxStream stream = {.key = 0xFEDCBA9876543210, .site = 0x80000001, .step = 0xFFFFFFFF};
  for (const PhiloxKernel& kernel : philox_kernels()) {
    for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{0x12345678FFFFFFC0}}) {
      alignas(64) std::array<std::uint32_t, 4 * kPhiloxCounters> words{};
      kernel.words(stream, first, words.data());
      for (std::size_t i = 0; i < kPhiloxCounters; ++i) {
        const std::uint64_t counter = first + i;
        const auto block = philox4x32(
            {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U), stream.site, stream.step},
            {0x76543210, 0xFEDCBA98});
        for (std::size_t word = 0; word < 4; ++word) {
          ASSERT_EQ(words.at(4 * i + word), block.at(word)) << kernel.name << " " << i << " " << word;
        }
      }
    }
  }
}

TEST(Dropout, KeepsWhatTheRuleSays) {
  expect_rule(kStream, 40, 100);
  expect_rule(kStream, 3, 7);
  expect_rule(kStream, 5000, 8);
}

TEST(Dropout, KeepsWhatTheRuleSaysFarIntoAStep) {
  DropoutStream stream = kStream;
  stream.first_token = (std::uint64_t{1} << 34U) / 8 - 16;  // 8 wide: the counter's low word runs over inside
  expect_rule(stream, 100, 8);
  stream.first_token = 3;  // rows of 7: begins inside a counter
  expect_rule(stream, 90, 7);
}

TEST(Dropout, KeepsWhatTheRuleSaysAtExtremeRates) {
  DropoutStream stream = kStream;
  for (const double rate : {1e-12, 0.5, 1 - 0x1p-40}) {
    stream.rate = rate;
    expect_rule(stream, 100, 10);
  }
}

// At or above the threshold is kept, to the last bit of the word.
TEST(Dropout, KeepsAWordThatIsTheThreshold) {
  DropoutStream stream = kStream;
  const double word = philox4x32({2, 0, stream.site, stream.step}, {0x9ABCDEF0, 0x12345678}).at(1);  // of element 9
  const at::Tensor x = at::ones({2, 5}, at::kFloat);
  stream.rate = word * 0x1p-32;
  EXPECT_NE(dropout(x, stream).view(-1)[9].item<double>(), 0);
  stream.rate = (word + 1) * 0x1p-32;
  EXPECT_EQ(dropout(x, stream).view(-1)[9].item<double>(), 0);
}

// 10^6 elements at 0.1: standard deviation 300, five of them.
TEST(Dropout, DropsAtItsRate) {
  DropoutStream stream = kStream;
  stream.rate = 0.1;
  const at::Tensor y = dropout(at::ones({1000, 1000}, at::kFloat), stream);
  EXPECT_NEAR((y == 0).sum().item<double>(), 1e5, 1500);
  EXPECT_NEAR(y.to(at::kDouble).mean().item<double>(), 1, 0.002);
}

TEST(Dropout, DependsOnKeyStepAndSite) {
  const at::Tensor x = at::ones({20, 20});
  const at::Tensor y = dropout(x, kStream);
  for (int which = 0; which < 4; ++which) {
    DropoutStream other = kStream;
    if (which == 0) other.key += std::uint64_t{1} << 32U;
    if (which == 1) other.key += 1;
    if (which == 2) other.step += 1;
    if (which == 3) other.site += 1;
    EXPECT_FALSE(at::equal(dropout(x, other), y)) << which;
  }
}

TEST(Dropout, IsTheSameHoweverAStepIsSplit) {
  const at::Tensor x = normal_doubles({50, 37}, 101).to(at::kFloat);
  std::vector<at::Tensor> parts;
  for (const auto& [first, count] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {1, 30}, {31, 19}}) {
    DropoutStream stream = kStream;
    stream.first_token = static_cast<std::uint64_t>(first);
    parts.push_back(dropout(x.narrow(0, first, count), stream));
  }
  EXPECT_TRUE(at::equal(at::cat(parts), dropout(x, kStream)));
}

TwoWays dropout_ways() {
  return {[](const at::Tensor& x, const std::vector<Weight>&) { return dropout(x, kStream); },
          [](const at::Tensor& x, const std::vector<at::Tensor>&) {
            const at::Tensor mask = at::zeros(x.sizes(), at::kDouble);
            for (std::int64_t i = 0; i < x.numel(); ++i) {
              mask.data_ptr<double>()[i] = kept(kStream, static_cast<std::uint64_t>(i)) ? 1 : 0;
            }
            return x * mask.to(x.scalar_type()) / (1 - kStream.rate);
          }};
}

TEST(Dropout, GoesBackThroughTheSameMask) {
  const at::Tensor x = normal_input({4, 9}, 102);
  expect_gradients({.inputs = {x}}, [&] { return dropout(x, kStream); });
}

// At one half what is kept is doubled, exactly in every type; where the stream begins and who keys it counts both ways.
TEST(Dropout, GoesBackThroughTheSameMaskWhateverTheStream) {
  const DropoutStream stream = {.rate = 0.5,
                                .key = 0xFEDCBA9876543210,
                                .step = 0xFFFFFFFF,
                                .site = 0x80000001,
                                .first_token = (std::uint64_t{1} << 33U) + 1};
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const at::Tensor x = normal_doubles({7, 9}, 108).to(type).requires_grad_(true);
    const at::Tensor y = dropout(x, stream);
    const at::Tensor gy = normal_doubles({7, 9}, 109).to(type);
    y.backward(gy);
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const double factor = kept(stream, stream.first_token * 9 + static_cast<std::uint64_t>(i)) ? 2 : 0;
      ASSERT_EQ(y.view(-1)[i].item<double>(), factor * x.view(-1)[i].item<double>()) << i;
      ASSERT_EQ(x.grad().view(-1)[i].item<double>(), factor * gy.view(-1)[i].item<double>()) << i;
    }
  }
}

TEST(Dropout, IsRightInFp32AndBf16) {
  expect_fp32_near_plain(dropout_ways(), normal_doubles({60, 33}, 103), {}, 2e-7);
  expect_bf16_near_plain(dropout_ways(), normal_doubles({60, 33}, 104), {});
}

TEST(Dropout, GivesTheSameBitsTwiceAndOnOneThread) {
  expect_same_bits(dropout_ways(), normal_doubles({300, 101}, 105), {}, true);
}

TEST(Dropout, KeepsNothingButItsStream) {
  const at::Tensor x = normal_input({4, 6}, 106) * 1;  // not a leaf: those have an owner in the graph
  EXPECT_EQ(references_kept(x, [&] { return dropout(x, kStream); }), 0);
  EXPECT_TRUE(dropout(x, kStream).requires_grad());
  const at::NoGradGuard guard;
  EXPECT_FALSE(dropout(x, kStream).requires_grad());
}

TEST(Dropout, OfRateZeroIsItsInput) {
  const at::Tensor x = normal_input({4, 6}, 107);
  DropoutStream stream = kStream;
  stream.rate = 0;
  EXPECT_TRUE(dropout(x, stream).is_same(x));
}

}  // namespace
}  // namespace llmtrain
