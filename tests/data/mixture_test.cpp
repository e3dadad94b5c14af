#include "lib/data/mixture.h"

#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::uint64_t> sources_in(const std::vector<Draw>& draws, std::size_t sources) {
  std::vector<std::uint64_t> counts(sources);
  for (const auto& draw : draws) ++counts.at(draw.source);
  return counts;
}

TEST(Mixture, OneSourceGoesThroughItsRowsOnceAnEpoch) {
  const Mixture mixture(3, {{.weight = 0.5, .rows = 1500}});
  std::vector<std::set<std::uint64_t>> epochs(2);
  for (std::uint64_t position = 0; position < 3000; ++position) {
    const auto draw = mixture.at(position);
    ASSERT_EQ(draw.epoch, position / 1500);
    epochs.at(draw.epoch).insert(draw.row);
  }
  EXPECT_THAT(epochs, Each(SizeIs(1500)));
}

// By hand: 7 : 3 of 1024 is 716.8 and 307.2; of 5 blocks exactly 3584 and 1536.
TEST(Mixture, CarriesWhatABlockCannotShareOut) {
  const Mixture mixture(3, {{.weight = 7.0, .rows = 10}, {.weight = 3.0, .rows = 10}});
  EXPECT_THAT(mixture.quotas(1), ElementsAre(717, 307));
  EXPECT_THAT(mixture.quotas(2), ElementsAre(1434, 614));
  EXPECT_THAT(mixture.quotas(3), ElementsAre(2150, 922));
  EXPECT_THAT(mixture.quotas(5), ElementsAre(3584, 1536));
  EXPECT_THAT(sources_in(mixture.block(0), 2), ElementsAre(717, 307));
  EXPECT_THAT(sources_in(mixture.block(2), 2), ElementsAre(716, 308));
}

// From scripts/fixtures/sample_order_golden.py, which shares out with fractions.
TEST(Mixture, SharesOutAmongFiveAsThePythonModel) {
  const Mixture mixture(1, {{5.0, 1}, {3.0, 1}, {1.0, 1}, {1.0, 1}, {1.0, 1}});
  EXPECT_THAT(mixture.quotas(1), ElementsAre(466, 279, 93, 93, 93));
  EXPECT_THAT(mixture.quotas(2), ElementsAre(931, 559, 186, 186, 186));
  EXPECT_THAT(mixture.quotas(3), ElementsAre(1396, 838, 279, 280, 279));
  EXPECT_THAT(mixture.quotas(1000000), ElementsAre(465454546, 279272727, 93090909, 93090909, 93090909));
}

TEST(Mixture, StaysNearEveryShareHoweverLong) {
  const std::vector<MixtureSource> sources = {{0.9, 1}, {0.04, 1}, {0.03, 1}, {0.0299, 1}, {0.0001, 1}};
  const Mixture mixture(1, sources);
  std::vector<std::uint64_t> before(sources.size());
  for (std::uint64_t blocks = 1; blocks < 3000; ++blocks) {
    const auto counts = mixture.quotas(blocks);
    ASSERT_EQ(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}), blocks * kMixtureBlock);
    for (std::size_t i = 0; i < sources.size(); ++i) {
      const double exact = static_cast<double>(blocks * kMixtureBlock) * sources[i].weight;
      ASSERT_LE(std::abs(static_cast<double>(counts[i]) - exact), 1.5 + 1e-3) << i << " after " << blocks;
      ASSERT_GE(counts[i], before[i]) << i << " after " << blocks;
    }
    before = counts;
  }
}

TEST(Mixture, GoesThroughEachSourceInWholeEpochs) {
  const std::vector<MixtureSource> sources = {{2.0, 700}, {1.0, 100}, {1.0, 31}};
  const Mixture mixture(99, sources);
  std::vector<std::uint64_t> given(3);
  std::vector<std::set<std::uint64_t>> rows(3);
  for (std::uint64_t block = 0; block < 4; ++block) {
    for (const auto& draw : mixture.block(block)) {
      ASSERT_EQ(draw.epoch, given[draw.source] / sources[draw.source].rows);
      if (given[draw.source] % sources[draw.source].rows == 0) rows[draw.source].clear();
      ASSERT_TRUE(rows[draw.source].insert(draw.row).second) << "a row twice in one epoch";
      ++given[draw.source];
    }
  }
  EXPECT_THAT(given, ElementsAre(2048, 1024, 1024));
}

// From scripts/fixtures/sample_order_golden.py.
TEST(Mixture, EqualsThePythonModel) {
  const Mixture mixture(99, {{2.0, 700}, {1.0, 100}, {1.0, 31}});
  const auto first = mixture.block(0);
  EXPECT_THAT(std::vector(first.begin(), first.begin() + 8),
              ElementsAre(Draw{2, 0, 25}, Draw{0, 0, 376}, Draw{0, 0, 197}, Draw{2, 0, 0}, Draw{0, 0, 468},
                          Draw{0, 0, 121}, Draw{0, 0, 364}, Draw{2, 0, 22}));
  std::vector<Draw> later;
  for (std::uint64_t position = 3072; position < 3078; ++position) later.push_back(mixture.at(position));
  EXPECT_THAT(later, ElementsAre(Draw{1, 7, 77}, Draw{2, 24, 4}, Draw{0, 2, 609}, Draw{0, 2, 170}, Draw{1, 7, 26},
                                 Draw{2, 24, 0}));
}

TEST(Mixture, ShufflesTheSourcesOfABlock) {
  const Mixture mixture(1, {{1.0, 5000}, {1.0, 5000}});
  const auto draws = mixture.block(0);
  std::uint64_t changes = 0;
  for (std::size_t i = 1; i < draws.size(); ++i) changes += draws[i].source != draws[i - 1].source ? 1 : 0;
  // Of 1023 neighbours about 512 differ, with a standard deviation of 16; 1 without a shuffle, 1023 by turns.
  EXPECT_NEAR(static_cast<double>(changes), 512.0, 80.0);
}

TEST(Mixture, RefusesAWeightThatWouldNeverBeDrawn) {
  const auto message = error_of(ExitCode::kUsage, [] { Mixture(1, {{1.0, 5}, {1e-15, 5}, {1.0, 5}}); });
  EXPECT_THAT(message, HasSubstr("data.train[1].weight: too small"));
}

}  // namespace
}  // namespace llmtrain
