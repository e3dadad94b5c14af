#include "lib/base/random.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

// Known answers published with Random123 (kat_vectors, philox4x32 with ten rounds).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const std::uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(RandomStream, DiffersByEveryCoordinate) {
  std::set<std::uint64_t> firsts;
  firsts.insert(RandomStream(1, "dropout", 0, 0).next_u64());
  firsts.insert(RandomStream(2, "dropout", 0, 0).next_u64());
  firsts.insert(RandomStream(1, "sampling", 0, 0).next_u64());
  firsts.insert(RandomStream(1, "dropout", 1, 0).next_u64());
  firsts.insert(RandomStream(1, "dropout", std::uint64_t{1} << 32U, 0).next_u64());
  firsts.insert(RandomStream(1, "dropout", 0, 1).next_u64());
  EXPECT_EQ(firsts.size(), 6U);
}

TEST(RandomStream, RepeatsItselfFromTheSameCoordinates) {
  RandomStream a(7, "x", 3, 4);
  RandomStream b(7, "x", 3, 4);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next_u32(), b.next_u32());
}

TEST(RandomStream, BelowIsUniform) {
  constexpr std::uint64_t kBound = 7;
  constexpr int kDraws = 70000;
  std::vector<int> seen(kBound);
  RandomStream stream(5, "below");
  for (int i = 0; i < kDraws; ++i) ++seen.at(stream.below(kBound));
  double chi_square = 0;
  for (const int count : seen) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 27.9);  // chi-square with 6 degrees of freedom, p = 1e-4
}

TEST(RandomStream, BelowOneIsZeroAndLargeBoundsAreReached) {
  RandomStream stream(5, "below");
  EXPECT_EQ(stream.below(1), 0U);
  const std::uint64_t huge = (std::uint64_t{1} << 63U) + 1;
  bool above_half = false;
  for (int i = 0; i < 64; ++i) {
    const auto draw = stream.below(huge);
    ASSERT_LT(draw, huge);
    above_half = above_half || draw > huge / 2;
  }
  EXPECT_TRUE(above_half);
}

TEST(RandomStream, UniformHasTheMomentsOfTheUnitInterval) {
  RandomStream stream(9, "uniform");
  double sum = 0;
  double squares = 0;
  constexpr int kDraws = 100000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = stream.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 1.0 / 2, 0.004);  // 4.4 standard errors
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 0.004);
}

}  // namespace
}  // namespace llmtrain
