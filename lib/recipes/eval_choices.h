#pragma once
#include <vector>

#include "lib/config/eval_config.h"
#include "lib/data/eval_questions.h"
#include "lib/recipes/eval_subject.h"

namespace llmtrain {

// acc: how often the right choice has the highest log-likelihood given the prompt, the first of equal ones counting as
// the highest; acc_norm: the same of log-likelihood divided by the choice's bytes, which does not favour short ones.
// Prompts too long for the model lose their beginnings. Throws input_error (3) for a choice too long for the model.
TaskReport evaluate_choices(const EvalSubject& subject, const MultipleChoiceTask& task,
                            const std::vector<ChoiceQuestion>& questions);

}  // namespace llmtrain
