#pragma once
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/data/loader.h"

namespace llmtrain {

// Rows for an optimizer step, or some of them for a micro-batch, as the model takes them: laid end to end.
struct Batch {
  std::uint64_t position = 0;  // in the order of training, of the first row
  std::int64_t rows = 0;
  std::int64_t seq = 0;
  at::Tensor tokens;                    // [rows * seq] int32
  at::Tensor positions;                 // [rows * seq] int32
  at::Tensor targets;                   // [rows * seq] int32, below vocab also where not trained
  at::Tensor trained;                   // [rows * seq] fp32: 1 where the target is trained, else 0
  std::vector<std::int32_t> documents;  // where each begins, then rows * seq
  std::int64_t trained_tokens = 0;
};

Batch to_batch(const RowBatch& rows);
// `count` rows from `first` on: views. No document crosses rows.
Batch slice_rows(const Batch& batch, std::int64_t first, std::int64_t count);

}  // namespace llmtrain
