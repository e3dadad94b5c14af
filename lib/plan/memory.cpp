#include "lib/plan/memory.h"

#include <algorithm>

#include "lib/arch/parameter_table.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

// The chunks of logits and of their gradient, LibTorch's own libraries, and what reading data takes.
constexpr std::int64_t kWorkspace = std::int64_t{384} << 20;
// Of the memory that is available this much is planned with; the rest is the allocator's rounding and other programs'.
constexpr double kUsableShare = 0.85;

std::string human(std::int64_t bytes) {
  return human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

// Numbers that a block keeps for a token: the residual stream before attention and before the feed-forward part, both
// normed, queries, keys and values, what attention gave, the feed-forward part before and after its activation.
std::int64_t kept_by_block(const ModelShape& s) {
  const std::int64_t up = s.activation == ActivationKind::kSwiglu ? 2 * s.ffn : s.ffn;
  const std::int64_t qkv = s.query_width() + 2 * s.kv_width();
  const std::int64_t head_norms = s.qk_norm ? qkv + s.query_width() + s.kv_width() : 0;
  return 4 * s.embed + qkv + head_norms + s.query_width() + up + s.ffn;
}

}  // namespace

TrainingMemory training_memory(const ModelShape& shape, const StateRecipe& recipe, const MemoryOptions& options) {
  const std::int64_t parameters = count_parameters(shape).total();
  const std::int64_t tokens = options.sequence_length;
  const std::int64_t block = kept_by_block(shape);
  const std::int64_t kept = options.recompute ? shape.layers * shape.embed : shape.layers * block;
  const std::int64_t ends = 3 * shape.embed;  // before and after the last norm, and its gradient
  // Gradients of one block's activations, and with recomputation the activations themselves.
  const std::int64_t transient = options.recompute ? 2 * block : block;
  TrainingMemory memory;
  memory.state = state_bytes(parameters, recipe);
  memory.snapshot = memory.state.moments + (memory.state.master > 0 ? memory.state.master : memory.state.weights);
  memory.activations_per_row = tokens * (kept + ends) * options.bytes_per_activation;
  memory.transient_per_row = tokens * transient * options.bytes_per_activation;
  memory.workspace = kWorkspace;
  return memory;
}

std::int64_t choose_micro_rows(const TrainingMemory& memory, const MemoryOptions& options, std::int64_t batch_rows,
                               std::int64_t available) {
  const auto usable = static_cast<std::int64_t>(static_cast<double>(available) * kUsableShare);
  if (memory.total(1) > usable) {
    throw Error(
        ExitCode::kOutOfMemory,
        fmt::format("training needs {} with one row a micro-batch (state {}, save {}, a row {}), {} are available; "
                    "try {}a smaller pretrain.sequence_length or model, or run.precision bf16",
                    human(memory.total(1)), human(memory.state.total()), human(memory.snapshot),
                    human(memory.activations_per_row + memory.transient_per_row), human(available),
                    options.recompute ? "" : "pretrain.recompute: true, "));
  }
  const std::int64_t per_row = memory.activations_per_row + memory.transient_per_row;
  const std::int64_t fit = (usable - memory.total(0)) / per_row;
  const std::int64_t fast = std::max<std::int64_t>(1, kMicroTokens / options.sequence_length);
  const std::int64_t most = std::clamp<std::int64_t>(std::min(fit, fast), 1, batch_rows);
  const std::int64_t micro_batches = (batch_rows + most - 1) / most;
  return (batch_rows + micro_batches - 1) / micro_batches;
}

}  // namespace llmtrain
