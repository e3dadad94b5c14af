#pragma once
#include <cstdint>
#include <string>

#include "lib/arch/model_shape.h"
#include "lib/arch/state_bytes.h"

namespace llmtrain {

// Bytes that training takes, by arithmetic: what the operators keep for the backward pass, token by token.
struct TrainingMemory {
  StateBytes state;                      // weights, master weights, gradients, moments
  std::int64_t snapshot = 0;             // the copy that a save in flight is written from
  std::int64_t activations_per_row = 0;  // kept for the backward pass by a row of the micro-batch
  std::int64_t transient_per_row = 0;    // of one block going back through, beside what is kept
  std::int64_t workspace = 0;            // whatever the micro-batch: chunks of logits, LibTorch itself

  std::int64_t total(std::int64_t micro_rows) const {
    return state.total() + snapshot + workspace + micro_rows * (activations_per_row + transient_per_row);
  }
};

struct MemoryOptions {
  std::int64_t sequence_length = 0;
  std::int64_t bytes_per_activation = 4;  // 2 with bf16
  bool recompute = false;
};

TrainingMemory training_memory(const ModelShape& shape, const StateRecipe& recipe, const MemoryOptions& options);

// Rows of a micro-batch for a batch of `batch_rows`: as many as fit into `available` bytes, at most kMicroTokens tokens
// (beyond that products are no faster), spread evenly over the micro-batches. Throws Error (8) if a single row does not
// fit, with what is needed, what there is, and what would help most.
inline constexpr std::int64_t kMicroTokens = 8192;
std::int64_t choose_micro_rows(const TrainingMemory& memory, const MemoryOptions& options, std::int64_t batch_rows,
                               std::int64_t available);

}  // namespace llmtrain
