#pragma once
#include <functional>
#include <string>

namespace llmtrain {

// Seconds since 1970. Only what is written into logs comes from it: durations are taken from a monotonic clock, and no
// name and no decision depends on it. A value, so that tests can set the time.
using WallClock = std::function<double()>;

double unix_seconds();
// "2023-11-14T22:13:20Z" (ISO 8601, UTC, whole seconds).
std::string iso_utc(double unix_seconds);

}  // namespace llmtrain
