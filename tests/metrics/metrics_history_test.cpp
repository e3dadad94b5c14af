#include "lib/metrics/metrics_history.h"

#include <cmath>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

MetricsHistory read(const std::string& text) {
  const TempDir folder;
  return read_metrics(folder.write("metrics.jsonl", text));
}

std::vector<std::pair<std::int64_t, double>> points_of(const Curve* curve) {
  std::vector<std::pair<std::int64_t, double>> points;
  if (curve == nullptr) return {{-1, 0.0}};
  for (const auto& [step, value] : curve->points) points.emplace_back(step, value);
  return points;
}

TEST(MetricsHistory, HasACurveForEachNumberOfEachSplit) {
  const auto history = read(
      R"({"schema":1,"t":100.0}
{"t":101.0,"step":10,"tokens":4000,"split":"train","loss":5.5,"lr":0.001,"note":"text"}
{"t":102.0,"step":20,"tokens":8000,"split":"train","loss":4.5,"lr":0.002}
{"t":103.0,"step":20,"tokens":8000,"split":"validation","loss":4.25,"perplexity":70.1}
)");
  EXPECT_THAT(points_of(history.train_curve("loss")), ElementsAre(Pair(10, 5.5), Pair(20, 4.5)));
  EXPECT_THAT(points_of(history.train_curve("lr")), ElementsAre(Pair(10, 0.001), Pair(20, 0.002)));
  EXPECT_THAT(points_of(history.validation_curve("loss")), ElementsAre(Pair(20, 4.25)));
  EXPECT_EQ(history.train.size(), 2U) << "neither time nor text is a curve";
  EXPECT_EQ(history.step, 20);
  EXPECT_EQ(history.tokens, 8000);
  EXPECT_EQ(history.first_time, 100.0);
  EXPECT_EQ(history.last_time, 103.0);
  EXPECT_THAT(history.missing, IsEmpty());
}

TEST(MetricsHistory, ReadsWhatIsNotFinite) {
  const auto history = read(
      "{\"step\":1,\"split\":\"train\",\"loss\":\"nan\"}\n{\"step\":2,\"split\":\"train\",\"loss\":\"inf\"}\n"
      "{\"step\":3,\"split\":\"train\",\"loss\":\"-inf\"}\n");
  const auto& points = history.train_curve("loss")->points;
  ASSERT_EQ(points.size(), 3U);
  EXPECT_TRUE(std::isnan(points[0].value));
  EXPECT_EQ(points[1].value, INFINITY);
  EXPECT_EQ(points[2].value, -INFINITY);
}

TEST(MetricsHistory, SumsTheTimesOfAllStarts) {
  const auto history = read(
      R"({"event":"time","start_seconds":1.5,"forward_seconds":2.0}
{"step":4,"event":"stop"}
{"step":4,"event":"resume"}
{"event":"time","start_seconds":0.5,"backward_seconds":4.0}
)");
  EXPECT_THAT(history.parts, ElementsAre(Pair("start", 2.0), Pair("forward", 2.0), Pair("backward", 4.0)));
  EXPECT_EQ(history.resumes, 1);
}

TEST(MetricsHistory, KnowsAStopUntilTheRunGoesOn) {
  const std::string stop = "{\"step\":4,\"event\":\"stop\"}\n";
  EXPECT_EQ(read(stop).stopped_after, 4);
  EXPECT_EQ(read("{\"step\":3,\"split\":\"train\",\"loss\":2.0}\n" + stop).step, 4) << "between two lines";
  EXPECT_EQ(read(stop + "{\"step\":4,\"event\":\"resume\"}\n").stopped_after, std::nullopt);
}

TEST(MetricsHistory, SaysWhatTheFileLacks) {
  const auto cut = read("{\"step\":1,\"split\":\"train\",\"loss\":2.0}\n{\"step\":2,\"split\":\"tra");
  EXPECT_THAT(points_of(cut.train_curve("loss")), ElementsAre(Pair(1, 2.0)));
  EXPECT_THAT(cut.missing, ElementsAre("metrics.jsonl: the last line is cut, 22 bytes"));
  EXPECT_THAT(read("nonsense\n{\"event\":\"gap\",\"lost\":3}\n").missing,
              ElementsAre("metrics.jsonl: 1 line that is no JSON", "metrics.jsonl: 3 lines could not be written"));
  EXPECT_THAT(read_metrics("none/metrics.jsonl").missing, ElementsAre("metrics.jsonl: not there"));
}

TEST(MetricsHistory, TakesTheLaterOfTwoLinesOfOneStep) {
  const auto history = read(
      R"({"step":1,"split":"train","loss":9.0}
{"step":2,"split":"train","loss":8.0}
{"step":3,"split":"train","loss":7.0}
{"step":2,"split":"train","loss":6.0}
)");
  EXPECT_THAT(points_of(history.train_curve("loss")), ElementsAre(Pair(1, 9.0), Pair(2, 6.0)));
}

}  // namespace
}  // namespace llmtrain
