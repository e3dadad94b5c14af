#pragma once
#include "lib/tokenizer/tokenizer_trainer.h"

namespace llmtrain {

// train_tokenizer for char.
TrainedTokenizer train_char(const TokenizerTrainConfig& config, const NextDocument& next,
                            const TrainerOptions& options);

}  // namespace llmtrain
