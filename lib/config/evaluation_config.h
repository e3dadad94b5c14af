#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/fields.h"

namespace llmtrain {

struct EvaluationConfig {
  std::int64_t every_steps = 250;
  std::optional<std::int64_t> max_rows;
  std::optional<std::int64_t> patience;
  double min_improvement = 0;
};

template <class Visitor>
void fields(EvaluationConfig& c, Visitor&& visit) {
  visit("every_steps", c.every_steps, "Steps between two evaluations of the held-out loss.", positive);
  visit("max_rows", c.max_rows, "Most held-out rows an evaluation takes; all where it is not given.", positive);
  visit("patience", c.patience, "Evaluations without improvement of the held-out loss before training stops early.",
        positive);
  visit("min_improvement", c.min_improvement, "A loss must fall by more than this to count as an improvement.",
        non_negative);
}

}  // namespace llmtrain
