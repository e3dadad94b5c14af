#pragma once
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/checkpoint/checkpoint_reader.h"
#include "lib/checkpoint/save_protocol.h"
#include "lib/optim/optimizer.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// Everything that trains, as it was at one moment, ready to be written while training goes on: one copy in memory.
// Files: weights.safetensors, the master weights by their names; optimizer.safetensors, moments by NamedState's names.
struct StateSnapshot {
  std::vector<at::Tensor> copies;  // what the content's spans point into
  CheckpointContent content;
};

struct SnapshotLabel {
  std::int64_t step = 0;
  std::string run_id;
  std::string facts;  // JSON: see Manifest
};

StateSnapshot take_snapshot(const WeightStore& store, const Optimizer& optimizer, const SnapshotLabel& label);

// Bytes of tensors that a checkpoint holds.
std::uint64_t checkpoint_bytes(const WeightStore& store, const Optimizer& optimizer);

// Puts a checkpoint's tensors back, compute weights included. Throws resume_error (6) listing every tensor that is
// missing, unexpected or of another shape or type before anything is read, and naming the first that holds a number
// that is not finite unless accept_non_finite. told: of each tensor's bytes.
void restore_state(WeightStore& store, Optimizer& optimizer, CheckpointReader& reader, bool accept_non_finite,
                   const BytesRead& told = nullptr);
// The weights alone.
void restore_weights(WeightStore& store, CheckpointReader& reader, bool accept_non_finite,
                     const BytesRead& told = nullptr);

}  // namespace llmtrain
