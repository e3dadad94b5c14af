#include "lib/tokenizer/tokenizer_trainer.h"

#include "lib/base/error.h"
#include "lib/tokenizer/bpe_trainer.h"
#include "lib/tokenizer/char_trainer.h"

namespace llmtrain {

TrainedTokenizer train_tokenizer(const TokenizerTrainConfig& config, const NextDocument& next,
                                 const TrainerOptions& options) {
  Contradictions contradictions;
  check(config, contradictions);
  for (const auto& [key, why] : contradictions.found()) throw config_error("{}: {}", key, why);
  return config.kind == TokenizerKind::kByteBpe ? train_bpe(config, next, options) : train_char(config, next, options);
}

}  // namespace llmtrain
