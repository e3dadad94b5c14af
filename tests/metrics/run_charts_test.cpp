#include "lib/metrics/run_charts.h"

#include <cmath>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::ElementsAre;

MetricsHistory history_of(int lines) {
  MetricsHistory history;
  history.train = {{"loss", {}}, {"grad_norm", {}}, {"memory_bytes", {}}, {"mean_reward", {}}};
  for (int step = 1; step <= lines; ++step) {
    history.train[0].points.push_back({step, 5.0});
    history.train[1].points.push_back({step, 1.0});
    history.train[2].points.push_back({step, 3.0 * 1024 * 1024});
    history.train[3].points.push_back({step, 0.5});
  }
  history.validation = {{"loss", {{lines, 4.0}}}};
  return history;
}

std::vector<std::string> titles_of(const std::vector<Chart>& charts) {
  std::vector<std::string> titles;
  for (const auto& chart : charts) titles.push_back(chart.title);
  return titles;
}

std::vector<double> values_of(const std::vector<CurvePoint>& points) {
  std::vector<double> values;
  for (const auto& point : points) values.push_back(point.value);
  return values;
}

TEST(Smoothed, IsTheMeanOfEquallyManyOnBothSides) {
  EXPECT_THAT(values_of(smoothed({{1, 1.0}, {2, 3.0}, {3, 8.0}, {4, 1.0}, {5, 6.0}})),
              ElementsAre(1.0, 4.0, 4.0, 5.0, 3.5));
  EXPECT_THAT(values_of(smoothed({})), testing::IsEmpty());
}

// A straight line is its own mean: nothing lags.
TEST(Smoothed, ReachesFurtherAmongManyAndLeavesALineWhereItIs) {
  std::vector<CurvePoint> points;
  for (int step = 0; step < 800; ++step) points.push_back({step, step + (step % 2 == 0 ? 21.0 : 0.0)});
  const auto means = smoothed(points);
  // 21 points: 11 of them even around an even one, 10 around an odd one.
  EXPECT_DOUBLE_EQ(means[400].value, 400.0 + 11.0);
  EXPECT_DOUBLE_EQ(means[401].value, 401.0 + 10.0);
}

TEST(Smoothed, LeavesOutWhatIsNotFinite) {
  const auto means = smoothed({{1, 8.0}, {2, 4.0}, {3, NAN}, {4, 2.0}});
  EXPECT_EQ(means[1].value, 6.0);
  EXPECT_TRUE(std::isnan(means[2].value)) << "a gap stays one";
  EXPECT_EQ(means[3].value, 2.0);
}

TEST(RunCharts, ShowALongLossBehindItsMean) {
  const auto charts = run_charts(history_of(100));
  EXPECT_THAT(titles_of(charts),
              ElementsAre("Loss", "Loss after step 25", "Gradient norm", "Memory of tensors, MiB", "Mean reward"));
  const auto& loss = charts[0].curves;
  ASSERT_EQ(loss.size(), 3U);
  EXPECT_EQ(loss[0].name, "training");
  EXPECT_TRUE(loss[0].faint);
  EXPECT_EQ(loss[1].name, "training, smoothed");
  EXPECT_EQ(loss[1].colour, loss[0].colour);
  EXPECT_EQ(loss[2].name, "held-out");
  EXPECT_NE(loss[2].colour, loss[0].colour);
  const auto& later = charts[1].curves;
  ASSERT_EQ(later.size(), 3U);
  EXPECT_EQ(later[0].points.front().step, 26);
  EXPECT_EQ(later[0].points.size(), 75U);
  EXPECT_EQ(later[2].name, "held-out");
  EXPECT_EQ(charts[3].curves[0].points[0].value, 3.0);
}

TEST(RunCharts, LeaveAShortLossAsItIs) {
  const auto charts = run_charts(history_of(5));
  const auto& loss = charts[0].curves;
  ASSERT_EQ(loss.size(), 2U);
  EXPECT_TRUE(charts[1].curves.empty()) << "and not once more";
  EXPECT_FALSE(loss[0].faint);
}

TEST(ComparedCharts, GiveEachRunOneColourInAllCharts) {
  auto first = history_of(100);
  first.validation.clear();
  first.train.resize(1);
  const auto second = history_of(100);
  const auto charts = compared_charts({{"a", first}, {"b", second}});
  EXPECT_THAT(titles_of(charts),
              ElementsAre("Smoothed training loss", "Smoothed training loss after step 25", "Held-out loss",
                          "Gradient norm", "Memory of tensors, MiB", "Mean reward"));
  ASSERT_EQ(charts[0].curves.size(), 2U);
  EXPECT_EQ(charts[0].curves[0].name, "a");
  EXPECT_EQ(charts[0].curves[1].colour, 1U);
  ASSERT_EQ(charts[2].curves.size(), 1U) << "what a run has not recorded is not drawn";
  EXPECT_EQ(charts[2].curves[0].name, "b");
  EXPECT_EQ(charts[2].curves[0].colour, 1U);
}

}  // namespace
}  // namespace llmtrain
