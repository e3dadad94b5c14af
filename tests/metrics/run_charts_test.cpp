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

// By hand for four values, so over 4 of them: decay 3/4, weights 1/4, 3/16, 9/64 back from the newest.
TEST(Smoothed, IsTheMovingAverageWithoutTheBiasToItsStart) {
  const auto means = smoothed({{1, 8.0}, {2, 4.0}, {3, NAN}, {4, 0.0}});
  ASSERT_EQ(means.size(), 4U);
  EXPECT_DOUBLE_EQ(means[0].value, 8.0);
  EXPECT_DOUBLE_EQ(means[1].value, (3.0 / 16 * 8 + 1.0 / 4 * 4) / (7.0 / 16));
  EXPECT_TRUE(std::isnan(means[2].value)) << "a gap stays one";
  EXPECT_DOUBLE_EQ(means[3].value, (9.0 / 64 * 8 + 3.0 / 16 * 4) / (37.0 / 64));
  EXPECT_EQ(means[3].step, 4);
}

TEST(RunCharts, ShowALongLossBehindItsMean) {
  const auto charts = run_charts(history_of(100));
  EXPECT_THAT(titles_of(charts), ElementsAre("Loss", "Gradient norm", "Memory of tensors, MiB", "Mean reward"));
  const auto& loss = charts[0].curves;
  ASSERT_EQ(loss.size(), 3U);
  EXPECT_EQ(loss[0].name, "training");
  EXPECT_TRUE(loss[0].faint);
  EXPECT_EQ(loss[1].name, "training, smoothed");
  EXPECT_EQ(loss[1].colour, loss[0].colour);
  EXPECT_EQ(loss[2].name, "held-out");
  EXPECT_NE(loss[2].colour, loss[0].colour);
  EXPECT_EQ(charts[2].curves[0].points[0].value, 3.0);
}

TEST(RunCharts, LeaveAShortLossAsItIs) {
  const auto loss = run_charts(history_of(5))[0].curves;
  ASSERT_EQ(loss.size(), 2U);
  EXPECT_FALSE(loss[0].faint);
}

TEST(ComparedCharts, GiveEachRunOneColourInAllCharts) {
  auto first = history_of(100);
  first.validation.clear();
  first.train.resize(1);
  const auto second = history_of(100);
  const auto charts = compared_charts({{"a", first}, {"b", second}});
  EXPECT_THAT(titles_of(charts), ElementsAre("Training loss, smoothed", "Held-out loss", "Gradient norm",
                                             "Memory of tensors, MiB", "Mean reward"));
  ASSERT_EQ(charts[0].curves.size(), 2U);
  EXPECT_EQ(charts[0].curves[0].name, "a");
  EXPECT_EQ(charts[0].curves[1].colour, 1U);
  ASSERT_EQ(charts[1].curves.size(), 1U) << "what a run has not recorded is not drawn";
  EXPECT_EQ(charts[1].curves[0].name, "b");
  EXPECT_EQ(charts[1].curves[0].colour, 1U);
}

}  // namespace
}  // namespace llmtrain
