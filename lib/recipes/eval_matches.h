#pragma once
#include <vector>

#include "lib/config/eval_config.h"
#include "lib/data/eval_questions.h"
#include "lib/recipes/eval_subject.h"

namespace llmtrain {

// exact_match: how often what the likeliest tokens say behind the prompt is the answer; unmatched: outputs in which the
// pattern finds nothing, which are wrong. Prompts lose their beginnings where the longest output would not fit behind
// them. Throws config_error (2) where that output alone leaves no room for a prompt.
TaskReport evaluate_matches(const EvalSubject& subject, const ExactMatchTask& task,
                            const std::vector<MatchQuestion>& questions);

}  // namespace llmtrain
