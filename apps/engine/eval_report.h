#pragma once
#include <string>

#include "lib/recipes/eval.h"

namespace llmtrain {

// One object: what was evaluated, when and by which version, and of each task its metrics, with their standard errors
// where they have one, and facts.
std::string to_json(const EvalReport& report);

// The model, then a line a metric: task, metric, value, standard error, what it was measured on.
std::string to_text(const EvalReport& report);

}  // namespace llmtrain
