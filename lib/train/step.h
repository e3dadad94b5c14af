#pragma once
#include <cstdint>
#include <vector>

#include "lib/metrics/part_times.h"
#include "lib/train/objective.h"

namespace llmtrain {

// What one pass over a batch gave; gradients are in the store.
struct StepGradients {
  std::vector<ReportedTerm> terms;  // of the whole batch
  double grad_norm = 0;             // before clipping

  double term(const std::string& name) const;
  bool finite() const;
};

// Forward and backward over the batch in micro-batches of `micro_rows` rows (the last may be smaller). Adds to the
// gradients of the store, which must be zero. times: gets what was spent on "forward" and "backward".
std::vector<ReportedTerm> accumulate_gradients(const Batch& batch, const Objective& objective, std::int64_t step,
                                               std::int64_t micro_rows, PartTimes* times = nullptr);

}  // namespace llmtrain
