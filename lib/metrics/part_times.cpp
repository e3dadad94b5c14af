#include "lib/metrics/part_times.h"

#include <algorithm>

namespace llmtrain {

void PartTimes::lap(std::string_view part, Clock::time_point now) {
  auto found = std::find_if(parts_.begin(), parts_.end(), [&](const auto& known) { return known.first == part; });
  if (found == parts_.end()) found = parts_.emplace(parts_.end(), part, Clock::duration::zero());
  found->second += now - mark_;
  mark_ = now;
}

Record PartTimes::take() {
  Record record = {{"event", std::string("time")}};
  for (const auto& [part, time] : parts_) {
    record.emplace_back(part + "_seconds", std::chrono::duration<double>(time).count());
  }
  parts_.clear();
  return record;
}

}  // namespace llmtrain
