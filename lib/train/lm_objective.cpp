#include "lib/train/lm_objective.h"

#include <ATen/ATen.h>

#include "lib/base/random.h"
#include "lib/ops/linear_logprobs.h"

namespace llmtrain {

DecoderInput decoder_input(const Batch& batch) {
  return {.tokens = batch.tokens, .positions = batch.positions, .documents = batch.documents};
}

Objective lm_objective(const Decoder& decoder, const LmObjectiveOptions& options) {
  const auto normaliser = [](const Batch& batch) { return static_cast<double>(batch.trained_tokens); };
  const auto loss = [&decoder, options](const Batch& micro, double divisor, const MicroPlace& place) {
    ForwardOptions forward{.dropout = {.rate = decoder.shape().dropout,
                                       .key = stream_key(options.seed, "dropout"),
                                       .step = static_cast<std::uint32_t>(place.step),
                                       .site = 0,
                                       .first_token = static_cast<std::uint64_t>(place.first_row * micro.seq)},
                           .recompute = options.recompute};
    const auto hidden = decoder.hidden(decoder_input(micro), forward);
    const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto entropy = linear_cross_entropy(hidden, decoder.head(), micro.targets, micro.trained.to(type) / divisor,
                                              {.label_smoothing = options.label_smoothing, .z_loss = options.z_loss});
    MicroLoss result{.loss = entropy.loss, .terms = {}};
    result.terms.push_back({"loss", -entropy.logprobs.sum(at::kDouble).item<double>() / divisor});
    if (options.label_smoothing > 0 || options.z_loss > 0) {
      result.terms.push_back({"objective", entropy.loss.item<double>()});
    }
    return result;
  };
  return {.normaliser = normaliser, .loss = loss};
}

}  // namespace llmtrain
