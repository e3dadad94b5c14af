#pragma once
#include <cstdint>

#include "lib/model/decoder.h"
#include "lib/train/objective.h"

namespace llmtrain {

struct LmObjectiveOptions {
  double label_smoothing = 0;
  double z_loss = 0;
  bool recompute = false;
  std::uint64_t seed = 0;  // of dropout
};

// Next-token prediction. Reports "loss", the mean negative log-likelihood of the trained targets in nats, and, where
// smoothing or the z-loss make it another number, "objective". The normaliser is the number of trained tokens.
Objective lm_objective(const Decoder& decoder, const LmObjectiveOptions& options);

// The decoder's view of a batch.
DecoderInput decoder_input(const Batch& batch);

}  // namespace llmtrain
