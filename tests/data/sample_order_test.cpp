#include "lib/data/sample_order.h"

#include <algorithm>
#include <map>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> whole_epoch(const SampleOrder& order, std::uint64_t epoch) {
  std::vector<std::uint64_t> places(order.count());
  for (std::uint64_t i = 0; i < order.count(); ++i) places[i] = order.at(epoch, i);
  return places;
}

TEST(SampleOrder, IsABijectionForEveryCount) {
  std::vector<std::uint64_t> counts = {1, 2, 3, 5, 7, 97, 1009, 10007};
  for (unsigned bits = 1; bits <= 12; ++bits) {
    for (const std::uint64_t near : {(1U << bits) - 1, 1U << bits, (1U << bits) + 1}) counts.push_back(near);
  }
  for (const auto count : counts) {
    auto places = whole_epoch(SampleOrder(11, "test", count), 3);
    std::ranges::sort(places);
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(places[i], i) << "count " << count;
  }
}

TEST(SampleOrder, DiffersBetweenEpochsSeedsAndPurposes) {
  const SampleOrder order(1, "a", 1000);
  const auto first = whole_epoch(order, 0);
  EXPECT_NE(first, whole_epoch(order, 1));
  EXPECT_NE(first, whole_epoch(order, std::uint64_t{1} << 32U));
  EXPECT_NE(first, whole_epoch(SampleOrder(2, "a", 1000), 0));
  EXPECT_NE(first, whole_epoch(SampleOrder(1, "b", 1000), 0));
  EXPECT_EQ(first, whole_epoch(SampleOrder(1, "a", 1000), 0));
}

// Pearson's statistic over 100 cells, 20,000 draws: mean 99, standard deviation 14; 160 is over four of them.
double chi_square_of_place(std::uint64_t place, std::uint64_t count) {
  constexpr int kDraws = 20000;
  std::vector<double> cells(100);
  const SampleOrder order(5, "uniform", count);
  for (std::uint64_t epoch = 0; epoch < kDraws; ++epoch) cells[order.at(epoch, place) * 100 / count] += 1.0;
  double sum = 0.0;
  for (std::size_t cell = 0; cell < cells.size(); ++cell) sum += (cells[cell] - 200.0) * (cells[cell] - 200.0) / 200.0;
  return sum;
}

TEST(SampleOrder, PutsEveryThingFirstEquallyOften) {
  EXPECT_LT(chi_square_of_place(0, 100), 160.0);
  EXPECT_LT(chi_square_of_place(99, 100), 160.0);
  EXPECT_LT(chi_square_of_place(0, 3000), 160.0);
}

// All 24 orders of four things, 24,000 draws: mean 23, standard deviation 6.8.
TEST(SampleOrder, MakesEveryOrderOfFourEquallyOften) {
  const SampleOrder order(5, "uniform", 4);
  std::map<std::vector<std::uint64_t>, double> seen;
  for (std::uint64_t epoch = 0; epoch < 24000; ++epoch) seen[whole_epoch(order, epoch)] += 1.0;
  ASSERT_EQ(seen.size(), 24U);
  double sum = 0.0;
  for (const auto& [places, times] : seen) sum += (times - 1000.0) * (times - 1000.0) / 1000.0;
  EXPECT_LT(sum, 55.0);
}

// From scripts/fixtures/sample_order_golden.py.
TEST(SampleOrder, EqualsThePythonModel) {
  const SampleOrder ten(1234, "golden", 10);
  EXPECT_THAT(whole_epoch(ten, 0), ElementsAre(1, 7, 3, 4, 0, 8, 5, 9, 6, 2));
  EXPECT_THAT(whole_epoch(ten, 1), ElementsAre(1, 0, 2, 4, 6, 7, 5, 9, 8, 3));
  const SampleOrder million(7, "golden", 1000003);
  std::vector<std::uint64_t> places;
  for (std::uint64_t i = 0; i < 6; ++i) places.push_back(million.at(5000000000, i));
  EXPECT_THAT(places, ElementsAre(660667, 593970, 173765, 669425, 732062, 696133));
}

TEST(SampleOrder, TakesMoreThingsThanFitIntoMemory) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63U;
  const SampleOrder order(7, "golden", kHalf + 11);
  EXPECT_EQ(order.at(0, 0), 1212582559083477064U);
  EXPECT_EQ(order.at(0, 1), 5852309758144436870U);
  EXPECT_EQ(order.at(0, kHalf), 2761638380652310373U);
}

TEST(SampleOrder, RefusesAPlaceBeyondTheEnd) { EXPECT_THROW(SampleOrder(1, "a", 3).at(0, 3), InternalError); }

}  // namespace
}  // namespace llmtrain
