#include "lib/metrics/wall_clock.h"

#include <chrono>
#include <cmath>
#include <ctime>

#include <fmt/format.h>

namespace llmtrain {

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string iso_utc(double seconds) {
  const auto whole = static_cast<std::time_t>(std::floor(seconds));
  std::tm utc{};
  if (::gmtime_r(&whole, &utc) == nullptr) return fmt::format("{:.0f}", seconds);  // a year beyond int
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
                     utc.tm_hour, utc.tm_min, utc.tm_sec);
}

}  // namespace llmtrain
