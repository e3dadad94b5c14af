#pragma once
#include "lib/tokenizer/tokenizer_trainer.h"

namespace llmtrain {

// train_tokenizer for byte_bpe.
TrainedTokenizer train_bpe(const TokenizerTrainConfig& config, const NextDocument& next, const TrainerOptions& options);

}  // namespace llmtrain
