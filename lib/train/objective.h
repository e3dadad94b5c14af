#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/train/batch.h"

namespace llmtrain {

// A number that an objective reports: the sum over a micro-batch's parts, divided by the batch's normaliser already, so
// that adding up micro-batches gives the batch's mean.
struct ReportedTerm {
  std::string name;
  double value = 0;
};

struct MicroLoss {
  at::Tensor loss;  // [], divided by the normaliser; backward from here
  std::vector<ReportedTerm> terms;
};

// Which part of which step a micro-batch is.
struct MicroPlace {
  std::int64_t step = 0;       // from 0
  std::int64_t first_row = 0;  // of the micro-batch in its batch
};

// What training lowers. The normaliser is taken over the whole batch, so any split into micro-batches gives the same
// update.
struct Objective {
  std::function<double(const Batch& batch)> normaliser;
  std::function<MicroLoss(const Batch& micro, double normaliser, const MicroPlace& place)> loss;
};

}  // namespace llmtrain
