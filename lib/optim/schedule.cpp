#include "lib/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// How far `step` is from `begin` to `end`, in [0, 1].
double progress(double step, double begin, double end) {
  if (step <= begin) return 0;
  return end <= begin ? 1 : std::min(1.0, (step - begin) / (end - begin));
}

}  // namespace

double schedule_multiplier(const ScheduleConfig& config, std::int64_t step, std::int64_t total_steps) {
  if (step < config.warmup_steps) {
    return static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps + 1);
  }
  const auto total = static_cast<double>(total_steps);
  const auto warmup = static_cast<double>(config.warmup_steps);
  const auto now = static_cast<double>(step);
  const double fall = 1 - config.final_ratio;
  ENSURE(total_steps > 0 || config.name == ScheduleName::kConstant, total_steps);
  switch (config.name) {
    case ScheduleName::kCosine:
      return config.final_ratio + fall * 0.5 * (1 + std::cos(std::numbers::pi * progress(now, warmup, total)));
    case ScheduleName::kLinear:
      return 1 - fall * progress(now, warmup, total);
    case ScheduleName::kWarmupStableDecay:
      return 1 - fall * progress(now, std::max(warmup, total * (1 - config.decay_fraction)), total);
    case ScheduleName::kConstant:
      break;
  }
  return 1;
}

}  // namespace llmtrain
