#include "lib/train/update_guard.h"

#include <cmath>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using Verdicts = std::vector<UpdateVerdict>;
constexpr auto kApply = UpdateVerdict::kApply;
constexpr auto kNonFinite = UpdateVerdict::kSkipNonFinite;
constexpr auto kOutlier = UpdateVerdict::kSkipOutlier;
constexpr auto kStop = UpdateVerdict::kStop;

// A norm that is not finite is a step that is not.
Verdicts judged(UpdateGuard& guard, const std::vector<double>& norms) {
  Verdicts verdicts;
  for (const double norm : norms) verdicts.push_back(guard.judge(std::isfinite(norm), norm));
  return verdicts;
}

GuardConfig against_outliers() {
  return {.max_non_finite = 1, .outlier_factor = 3, .outlier_window = 4, .max_outliers = 2};
}

TEST(UpdateGuard, StopsAtTheFirstNonFiniteUpdateByDefault) {
  UpdateGuard guard(GuardConfig{});
  EXPECT_EQ(judged(guard, {1, 1e30, 2, NAN}), (Verdicts{kApply, kApply, kApply, kStop}));
}

TEST(UpdateGuard, CountsNonFiniteUpdatesInARow) {
  GuardConfig config;
  config.max_non_finite = 2;
  UpdateGuard guard(config);
  EXPECT_EQ(judged(guard, {NAN, INFINITY, 1, NAN, NAN, NAN}),
            (Verdicts{kNonFinite, kNonFinite, kApply, kNonFinite, kNonFinite, kStop}));
}

// The loss may be NaN where the norm is not.
TEST(UpdateGuard, SkipsWhatIsNotFiniteWhateverItsNorm) {
  UpdateGuard guard(against_outliers());
  EXPECT_EQ(guard.judge(false, 1.0), kNonFinite);
}

// By hand: of 1, 4, 2, 3 the median is 2.5, so the limit is 7.5; with 7.5 in the window (4, 2, 3, 7.5) it is 10.5.
TEST(UpdateGuard, MeasuresAgainstTheMedianOfTheLastAppliedNorms) {
  UpdateGuard guard(against_outliers());
  EXPECT_EQ(guard.median(), std::nullopt);
  EXPECT_EQ(judged(guard, {1, 4, 2}), (Verdicts{kApply, kApply, kApply}));
  EXPECT_EQ(guard.median(), std::nullopt);
  EXPECT_EQ(judged(guard, {3}), Verdicts{kApply});
  EXPECT_EQ(guard.median(), 2.5);
  EXPECT_EQ(judged(guard, {7.6, 7.5}), (Verdicts{kOutlier, kApply}));
  EXPECT_EQ(guard.median(), 3.5);
  EXPECT_EQ(judged(guard, {10.6, 10.5}), (Verdicts{kOutlier, kApply}));
}

TEST(UpdateGuard, TakesTheMiddleOneOfAnOddWindow) {
  auto config = against_outliers();
  config.outlier_window = 3;
  UpdateGuard guard(config);
  judged(guard, {5, 1, 2});
  EXPECT_EQ(guard.median(), 2);
}

TEST(UpdateGuard, AppliesAnythingUntilTheWindowIsFull) {
  UpdateGuard guard(against_outliers());
  EXPECT_EQ(judged(guard, {1, 1, 500, 1}), (Verdicts{kApply, kApply, kApply, kApply}));
  EXPECT_EQ(guard.median(), 1);
}

TEST(UpdateGuard, StopsAtMoreOutliersInARowThanAllowed) {
  UpdateGuard guard(against_outliers());
  judged(guard, {1, 1, 1, 1});
  EXPECT_EQ(judged(guard, {9, 9, 1, 9, 9, 9}), (Verdicts{kOutlier, kOutlier, kApply, kOutlier, kOutlier, kStop}));
}

TEST(UpdateGuard, KeepsOutliersAndNonFiniteNormsOutOfTheWindow) {
  UpdateGuard guard(against_outliers());
  judged(guard, {1, 1, 2, 2, NAN, 100, NAN, 100});
  EXPECT_EQ(guard.median(), 1.5);
}

// Cut anywhere, what follows is judged alike.
TEST(UpdateGuard, GoesOnFromItsState) {
  const std::vector<double> norms = {1, 0.1, 3, NAN, 2, 7, 7, 0.30000000000000004, NAN, 9, 9, 1, 9, NAN, NAN, 9, 9, 9};
  UpdateGuard whole(against_outliers());
  const auto expected = judged(whole, norms);
  for (std::size_t cut = 0; cut <= norms.size(); ++cut) {
    const auto middle = norms.begin() + static_cast<std::ptrdiff_t>(cut);
    UpdateGuard before(against_outliers());
    auto verdicts = judged(before, {norms.begin(), middle});
    UpdateGuard after(against_outliers());
    after.load(before.state(), "here");
    const auto rest = judged(after, {middle, norms.end()});
    verdicts.insert(verdicts.end(), rest.begin(), rest.end());
    EXPECT_EQ(verdicts, expected) << cut;
    EXPECT_EQ(after.state(), whole.state()) << cut;
  }
}

TEST(UpdateGuard, TakesTheLastNormsOfALongerWindow) {
  auto config = against_outliers();
  config.outlier_window = 6;
  UpdateGuard longer(config);
  judged(longer, {9, 9, 1, 1, 2, 2});
  UpdateGuard guard(against_outliers());
  guard.load(longer.state(), "here");
  EXPECT_EQ(guard.median(), 1.5);
}

TEST(UpdateGuard, RefusesAStateThatDoesNotRead) {
  UpdateGuard guard(against_outliers());
  for (const std::string state : {"", "{", "[]", R"({"window": [1], "outliers_in_a_row": 0})",
                                  R"({"window": "1", "non_finite_in_a_row": 0, "outliers_in_a_row": 0})",
                                  R"({"window": [null], "non_finite_in_a_row": 0, "outliers_in_a_row": 0})",
                                  R"({"window": [1], "non_finite_in_a_row": -1, "outliers_in_a_row": 0})",
                                  R"({"window": [1], "non_finite_in_a_row": 0, "outliers_in_a_row": 1.5})"}) {
    EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { guard.load(state, "runs/q/step-7"); }),
                testing::StartsWith("runs/q/step-7: progress.guard: "))
        << state;
  }
}

}  // namespace
}  // namespace llmtrain
