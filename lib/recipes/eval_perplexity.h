#pragma once
#include "lib/config/eval_config.h"
#include "lib/recipes/eval_subject.h"

namespace llmtrain {

// Loss (nats a token), perplexity and bits a byte of a task's files, as training counts them: documents one by one,
// each with the token that ends it, if there is one; the first token of a document has nothing to be predicted from
// and counts neither as a token nor with its bytes. Throws config_error (2) for windows longer than the model's
// context, input_error (3) for files of token ids.
TaskReport evaluate_perplexity(const EvalSubject& subject, const PerplexityTask& task);

}  // namespace llmtrain
