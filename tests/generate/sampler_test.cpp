#include "lib/generate/sampler.h"

#include <cmath>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include "tests/support/golden_model.h"
#include "tests/support/test_support.h"

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
  Sampler sampler(options);
  std::vector<float> row = logits;
  std::vector<std::int64_t> counts(logits.size());
  for (int i = 0; i < draws; ++i) ++counts[sampler.draw(row, {}, random)];
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
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::nanf(""), infinity}) {
    std::vector<float> logits(40, 0.0F);
    for (const std::size_t place : {0U, 17U, 39U}) {
      logits.assign(40, 0.0F);
      logits[place] = bad;
      for (const double temperature : {0.0, 1.0}) {
        error_of(ExitCode::kNumerical, [&] { Sampler({.temperature = temperature}).draw(logits, {}, random); });
      }
    }
  }
  std::vector<float> none(5, -infinity);
  error_of(ExitCode::kNumerical, [&] { Sampler({}).draw(none, {}, random); });
}

TEST(Sampler, DrawsTheSameFromTheSameStream) {
  auto logits = logs({0.2, 0.4, 0.1, 0.3});
  Sampler sampler({});
  RandomStream one(7, "sampler test");
  RandomStream same(7, "sampler test");
  RandomStream other(8, "sampler test");
  int differ = 0;
  for (int i = 0; i < 200; ++i) {
    const auto id = sampler.draw(logits, {}, one);
    ASSERT_EQ(id, sampler.draw(logits, {}, same));
    differ += id != sampler.draw(logits, {}, other) ? 1 : 0;
  }
  EXPECT_GT(differ, 50);
}

// By hand: of 1000 that are alike 950 reach 0.95, though each is as unlikely as any.
TEST(Sampler, TopPKeepsManyThatAreAllUnlikely) {
  std::vector<float> logits(1000, 0.5F);
  const auto chances = Sampler({.temperature = 1, .top_p = 0.9495}).chances(logits, {});
  ASSERT_EQ(chances.size(), 950U);
  EXPECT_EQ(chances.front().id, 0U);
  EXPECT_EQ(chances.back().id, 949U);
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

// By hand: at 0.6 of the likeliest 0.4 stay 0.4 and 0.3, at 0.25 of it all.
TEST(Sampler, MinPKeepsWhatIsLikelyBesideTheLikeliest) {
  const auto logits = logs({0.2, 0.4, 0.099, 0.3});
  const auto with = [](double min_p) { return SamplerOptions{.min_p = min_p}; };
  EXPECT_EQ(drawn(logits, with(0.6)), (Ids{1, 3}));
  EXPECT_EQ(drawn(logits, with(0.25)), (Ids{0, 1, 3}));
  EXPECT_EQ(drawn(logits, with(0.24)), (Ids{0, 1, 2, 3}));
  EXPECT_EQ(drawn(logits, with(1)), Ids{1});
}

// By hand: at temperature 2 chances go as their roots, of which the second is sqrt(1/4) = 1/2 of the first.
TEST(Sampler, TemperatureComesBeforeMinP) {
  EXPECT_EQ(drawn(logs({0.8, 0.2}), {.temperature = 2, .min_p = 0.49}), (Ids{0, 1}));
  EXPECT_EQ(drawn(logs({0.8, 0.2}), {.temperature = 1, .min_p = 0.49}), Ids{0});
}

// By hand, arXiv 1909.05858: positive logits are divided, negative ones multiplied, once whatever the repetitions.
TEST(Sampler, PenalizesWhatWasSeen) {
  std::vector<float> logits = {3.0F, -1.0F, 2.5F, -0.5F};
  Sampler sampler({.temperature = 0, .repetition_penalty = 2});
  RandomStream random(1, "sampler test");
  const std::vector<std::uint32_t> seen = {0, 1, 0, 0};
  EXPECT_EQ(sampler.draw(logits, seen, random), 2U);
  EXPECT_EQ(logits, (std::vector<float>{1.5F, -2.0F, 2.5F, -0.5F}));
}

class SamplerGolden : public testing::TestWithParam<std::size_t> {
 protected:
  static const nlohmann::json& all() {
    static const auto json =
        nlohmann::json::parse(slurp(std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/generate/golden/sampler.json"));
    return json;
  }
};

// Against the logits processors of transformers: scripts/fixtures/sampler_golden.py.
TEST_P(SamplerGolden, LeavesWhatTransformersDoes) {
  const auto& golden = all().at("cases").at(GetParam());
  const auto& options = golden.at("options");
  SamplerOptions wanted{.temperature = options.value("temperature", 1.0),
                        .top_k = {},
                        .top_p = options.value("top_p", 1.0),
                        .min_p = options.value("min_p", 0.0),
                        .repetition_penalty = options.value("repetition_penalty", 1.0)};
  if (options.contains("top_k")) wanted.top_k = options.at("top_k").get<std::int64_t>();
  auto logits = golden.at("logits").get<std::vector<float>>();
  const auto seen = golden.at("seen").get<std::vector<std::uint32_t>>();
  std::vector<std::uint32_t> ids;
  std::vector<double> probabilities;
  for (const auto& chance : Sampler(wanted).chances(logits, seen)) {
    ids.push_back(chance.id);
    probabilities.push_back(chance.probability);
  }
  ASSERT_EQ(ids, golden.at("ids").get<std::vector<std::uint32_t>>()) << options;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const double theirs = golden.at("probabilities")[i];
    EXPECT_NEAR(probabilities[i], theirs, 1e-6 + 1e-5 * theirs) << options << " " << ids[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, SamplerGolden, testing::Range<std::size_t>(0, 38));

// The chances that chances() tells are those that draw() draws by, also where it draws from all.
TEST(SamplerDistribution, IsThatOfAnyFilter) {
  expect_distribution(logs(powers(1)), {.temperature = 1, .min_p = 8.5 / 13}, powers(1, 8));
  expect_distribution(logs(powers(1)), {.temperature = 1, .top_k = 11, .min_p = 8.5 / 13}, powers(1, 8));
}

// More tokens than a block of weights has, and not a multiple of it.
TEST(SamplerDistribution, IsTheSameInALargeVocabulary) {
  std::vector<float> logits(1000, -200.0F);
  std::vector<double> probabilities(1000, 0.0);
  const auto some = powers(1);
  for (std::size_t i = 0; i < some.size(); ++i) {
    probabilities[i * 83] = some[i];
    logits[i * 83] = static_cast<float>(std::log(some[i]));
  }
  expect_distribution(logits, {.temperature = 1}, probabilities);
  expect_distribution(logits, {.temperature = 1, .top_p = 0.9999}, probabilities);
}

}  // namespace
}  // namespace llmtrain
