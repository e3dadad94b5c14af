#include "lib/metrics/part_times.h"

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using std::chrono::milliseconds;

TEST(PartTimes, GiveEveryMomentToThePartItsLapEnds) {
  const PartTimes::Clock::time_point start{};
  PartTimes times(start);
  times.lap("data", start + milliseconds(100));
  times.lap("forward", start + milliseconds(350));
  times.lap("data", start + milliseconds(400));
  EXPECT_EQ(to_json(times.take()), R"({"event":"time","data_seconds":0.15,"forward_seconds":0.25})");
}

TEST(PartTimes, AreTakenOnce) {
  const PartTimes::Clock::time_point start{};
  PartTimes times(start);
  times.lap("data", start + milliseconds(100));
  times.take();
  times.lap("saving", start + milliseconds(600));
  EXPECT_EQ(to_json(times.take()), R"({"event":"time","saving_seconds":0.5})");
}

}  // namespace
}  // namespace llmtrain
