#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/fields.h"
#include "lib/config/units.h"

namespace llmtrain {

enum class SaveErrorPolicy { kStop, kWarn };
template <>
struct EnumTable<SaveErrorPolicy> {
  static constexpr std::array<std::pair<SaveErrorPolicy, std::string_view>, 2> names = {
      {{SaveErrorPolicy::kStop, "stop"}, {SaveErrorPolicy::kWarn, "warn"}}};
};

struct CheckpointConfig {
  std::int64_t every_steps = 1000;
  std::optional<Duration> every;
  std::int64_t keep = 2;
  bool keep_best = true;
  SaveErrorPolicy on_error = SaveErrorPolicy::kStop;
};

template <class Visitor>
void fields(CheckpointConfig& c, Visitor&& visit) {
  visit("every_steps", c.every_steps, "Steps between two saves.", positive);
  visit("every", c.every, "Saves as well once this much time has passed since the last save.", positive);
  visit("keep", c.keep, "Newest checkpoints that stay.", at_least(2));
  visit("keep_best", c.keep_best, "The weights of the lowest held-out loss stay too.");
  visit("on_error", c.on_error, "A save that fails: stop ends the run, warn trains on.");
}

}  // namespace llmtrain
