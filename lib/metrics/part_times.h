#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/metrics/metric_record.h"

namespace llmtrain {

// What time goes into, by a monotonic clock: every moment belongs to the part whose lap it ends with, so the parts
// together are all the time there was.
class PartTimes {
 public:
  using Clock = std::chrono::steady_clock;

  explicit PartTimes(Clock::time_point now = Clock::now()) : mark_(now) {}

  // The time since the last lap, or since this was made, was spent on `part`.
  void lap(std::string_view part, Clock::time_point now = Clock::now());
  // A record of metrics.jsonl, {"event":"time","PART_seconds":…}, of what was spent since it was last taken. It names
  // no step: time that was spent stays spent where a run goes on from an earlier step.
  Record take();

 private:
  Clock::time_point mark_;
  std::vector<std::pair<std::string, Clock::duration>> parts_;  // by first lap
};

}  // namespace llmtrain
