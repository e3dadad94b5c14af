#pragma once
#include <optional>

#include "lib/config/eval_config.h"
#include "lib/config/fields.h"
#include "lib/config/model_config.h"
#include "lib/config/pretrain_config.h"
#include "lib/config/run_config.h"
#include "lib/config/tokenizer_config.h"

namespace llmtrain {

// A whole pipeline file.
struct PipelineConfig {
  RunConfig run;
  ModelConfig model;
  TokenizerConfig tokenizer;
  std::optional<PretrainConfig> pretrain;
  std::optional<EvalConfig> eval;
};

template <class Visitor>
void fields(PipelineConfig& c, Visitor&& visit) {
  visit("run", c.run, "Name, place and seed of the run.");
  visit("model", c.model, "Architecture.");
  visit("tokenizer", c.tokenizer, "Tokenizer: trained here or taken from a file.");
  visit("pretrain", c.pretrain, "Pretraining stage.");
  visit("eval", c.eval, "What `llmtrain eval` measures; the held-out loss alone where it is not given.", may_change());
}

}  // namespace llmtrain
