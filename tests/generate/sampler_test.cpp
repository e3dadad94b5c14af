#include "lib/generate/sampler.h"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

std::vector<float> logs(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::vector<std::int64_t> counts_of(const std::vector<float>& logits, const SamplerOptions& options, int draws,
                                    std::uint64_t seed = 1) {
  RandomStream random(seed, "sampler test");
  std::vector<std::int64_t> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts[sample_token(logits, options, random)];
  return counts;
}

// Ids that come at all; each that may come has a chance of a tenth at least.
std::set<std::size_t> drawn(const std::vector<float>& logits, const SamplerOptions& options) {
  std::set<std::size_t> ids;
  const auto counts = counts_of(logits, options, 1000);
  for (std::size_t id = 0; id < counts.size(); ++id) {
    if (counts[id] > 0) ids.insert(id);
  }
  return ids;
}

using Ids = std::set<std::size_t>;

TEST(Sampler, TakesTheLikeliestAtTemperatureZero) {
  EXPECT_EQ(drawn({0.5F, 2.0F, -1.0F, 1.9F}, {.temperature = 0}), Ids{1});
}

TEST(Sampler, GivesTiesToTheLowerId) {
  const std::vector<float> tied = {0.0F, 3.0F, 3.0F, 3.0F};
  EXPECT_EQ(drawn(tied, {.temperature = 0}), Ids{1});
  EXPECT_EQ(drawn(tied, {.temperature = 1, .top_k = 2}), (Ids{1, 2}));
  EXPECT_EQ(drawn({1.0F, 1.0F, 1.0F, 1.0F}, {.temperature = 1, .top_k = std::nullopt, .top_p = 0.5}), (Ids{0, 1}));
}

TEST(Sampler, TopKKeepsTheLargest) {
  const auto logits = logs({0.2, 0.4, 0.1, 0.3});
  EXPECT_EQ(drawn(logits, {.temperature = 1, .top_k = 1}), Ids{1});
  EXPECT_EQ(drawn(logits, {.temperature = 1, .top_k = 3}), (Ids{0, 1, 3}));
  EXPECT_EQ(drawn(logits, {.temperature = 1, .top_k = 99}), (Ids{0, 1, 2, 3}));
}

// By hand: 0.4, 0.4 + 0.3, 0.4 + 0.3 + 0.2 reach p.
TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  const auto logits = logs({0.2, 0.4, 0.1, 0.3});
  const auto with = [](double p) { return SamplerOptions{.temperature = 1, .top_k = std::nullopt, .top_p = p}; };
  EXPECT_EQ(drawn(logits, with(1e-9)), Ids{1});
  EXPECT_EQ(drawn(logits, with(0.39)), Ids{1});
  EXPECT_EQ(drawn(logits, with(0.41)), (Ids{1, 3}));
  EXPECT_EQ(drawn(logits, with(0.71)), (Ids{0, 1, 3}));
  EXPECT_EQ(drawn(logits, with(0.91)), (Ids{0, 1, 2, 3}));
}

// By hand: the two likeliest are 4/7 and 3/7 among themselves, so 0.5 is reached by one; of all four it takes two.
TEST(Sampler, TopPIsOfWhatTopKLeft) {
  const auto logits = logs({0.2, 0.4, 0.1, 0.3});
  EXPECT_EQ(drawn(logits, {.temperature = 1, .top_k = 2, .top_p = 0.5}), Ids{1});
}

// By hand: at temperature 1/2 probabilities go as their squares, 16/30 the first, so 0.5 is reached by one.
TEST(Sampler, TemperatureComesBeforeTopP) {
  const auto logits = logs({0.2, 0.4, 0.1, 0.3});
  EXPECT_EQ(drawn(logits, {.temperature = 0.5, .top_k = std::nullopt, .top_p = 0.5}), Ids{1});
}

TEST(Sampler, NeverTakesWhatIsImpossible) {
  const float never = -std::numeric_limits<float>::infinity();
  EXPECT_EQ(drawn({never, 1.0F, never, 1.0F}, {.temperature = 1}), (Ids{1, 3}));
  EXPECT_EQ(drawn({-1e30F, 88.0F, 1e30F}, {.temperature = 1}), Ids{2});
}

TEST(Sampler, RefusesLogitsThatAreNoNumbers) {
  RandomStream random(1, "sampler test");
  const std::vector<float> logits = {0.0F, std::nanf(""), 1.0F};
  for (const double temperature : {0.0, 1.0}) {
    try {
      sample_token(logits, {.temperature = temperature}, random);
      ADD_FAILURE() << "expected an Error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::kNumerical);
    }
  }
}

TEST(Sampler, DrawsTheSameFromTheSameStream) {
  const auto logits = logs({0.2, 0.4, 0.1, 0.3});
  RandomStream one(7, "sampler test");
  RandomStream same(7, "sampler test");
  RandomStream other(8, "sampler test");
  int differ = 0;
  for (int i = 0; i < 200; ++i) {
    const auto id = sample_token(logits, {}, one);
    ASSERT_EQ(id, sample_token(logits, {}, same));
    differ += id != sample_token(logits, {}, other) ? 1 : 0;
  }
  EXPECT_GT(differ, 50);
}

// The chance of a chi-square at or above `statistic`, closed for an even number of degrees of freedom:
// exp(-x/2) sum over i < k/2 of (x/2)^i / i! (Abramowitz and Stegun 26.4.5).
double tail(double statistic, int degrees) {
  double term = std::exp(-statistic / 2);
  double sum = 0;
  for (int i = 0; i < degrees / 2; ++i) {
    sum += term;
    term *= statistic / 2 / (i + 1);
  }
  return sum;
}

void expect_distribution(const std::vector<float>& logits, const SamplerOptions& options,
                         const std::vector<double>& probabilities) {
  constexpr int kDraws = 100000;
  const auto counts = counts_of(logits, options, kDraws);
  double statistic = 0;
  int degrees = -1;
  for (std::size_t id = 0; id < counts.size(); ++id) {
    const double expected = kDraws * probabilities[id];
    const auto seen = static_cast<double>(counts[id]);
    if (expected == 0) {
      EXPECT_EQ(seen, 0) << id;
      continue;
    }
    statistic += (seen - expected) * (seen - expected) / expected;
    ++degrees;
  }
  ASSERT_EQ(degrees % 2, 0);
  EXPECT_GT(tail(statistic, degrees), 1e-4) << statistic << " with " << degrees;
}

// Probabilities go as 1, 2, ... 13; at temperature 1/2 as their squares, at 2 as their roots.
std::vector<double> powers(double power, std::size_t first_kept = 0) {
  std::vector<double> all(13, 0.0);
  double sum = 0;
  for (std::size_t i = first_kept; i < 13; ++i) sum += all[i] = std::pow(static_cast<double>(i + 1), power);
  for (auto& p : all) p /= sum;
  return all;
}

TEST(SamplerDistribution, FollowsTheTemperature) {
  const auto logits = logs(powers(1));
  expect_distribution(logits, {.temperature = 1}, powers(1));
  expect_distribution(logits, {.temperature = 0.5}, powers(2));
  expect_distribution(logits, {.temperature = 2}, powers(0.5));
}

TEST(SamplerDistribution, IsThatOfTheTopK) {
  expect_distribution(logs(powers(1)), {.temperature = 1, .top_k = 5}, powers(1, 8));
  expect_distribution(logs(powers(1)), {.temperature = 0.5, .top_k = 3}, powers(2, 10));
}

// By hand, of 91: 13 + 12 + 11 + 10 = 46 falls short of 0.55 (50.05), with 9 it is 55.
TEST(SamplerDistribution, IsThatOfTheTopP) {
  expect_distribution(logs(powers(1)), {.temperature = 1, .top_k = std::nullopt, .top_p = 0.55}, powers(1, 8));
}

}  // namespace
}  // namespace llmtrain
