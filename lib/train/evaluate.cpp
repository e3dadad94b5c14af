#include "lib/train/evaluate.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"
#include "lib/ops/linear_logprobs.h"
#include "lib/train/lm_objective.h"

namespace llmtrain {
namespace {

std::int64_t bytes_of(const Batch& batch, const std::vector<std::uint32_t>& token_bytes) {
  const auto* targets = batch.targets.data_ptr<std::int32_t>();
  const auto* trained = batch.trained.data_ptr<float>();
  std::int64_t bytes = 0;
  for (std::int64_t i = 0; i < batch.targets.numel(); ++i) {
    if (trained[i] != 0) bytes += token_bytes.at(static_cast<std::size_t>(targets[i]));
  }
  return bytes;
}

}  // namespace

Evaluation evaluate(const Decoder& decoder, RowLoader& rows, const std::vector<std::uint32_t>& token_bytes,
                    const std::function<bool()>& stop) {
  const at::NoGradGuard no_grad;
  Evaluation result;
  double sum = 0;
  rows.seek(0);
  for (auto next = rows.next(); next.rows > 0; next = rows.next()) {
    if (stop()) throw stopped_error("stopped while evaluating");
    const auto batch = to_batch(next);
    const auto hidden = decoder.hidden(decoder_input(batch));
    const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto entropy = linear_cross_entropy(hidden, decoder.head(), batch.targets, batch.trained.to(type));
    sum -= entropy.logprobs.sum(at::kDouble).item<double>();
    result.tokens += batch.trained_tokens;
    result.bytes += bytes_of(batch, token_bytes);
  }
  ENSURE(result.tokens > 0);
  result.loss = sum / static_cast<double>(result.tokens);
  result.perplexity = std::exp(result.loss);
  if (result.bytes > 0) result.bits_per_byte = sum / std::numbers::ln2 / static_cast<double>(result.bytes);
  return result;
}

}  // namespace llmtrain
