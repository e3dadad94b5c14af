#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/strict_json.h"

namespace llmtrain {

// How far a run has come: what a checkpoint keeps beside weights and moments.
struct ProgressState {
  std::int64_t step = 0;             // batches taken, skipped ones among them
  std::int64_t tokens = 0;           // trained targets in them
  std::int64_t optimizer_steps = 0;  // updates applied
  std::int64_t skipped = 0;          // updates that the guard left out
  std::string cursor;                // of the batch source
  std::string guard;                 // of the update guard
  bool events_done = true;           // what is due after `step` has been made: metrics, evaluation, samples

  std::optional<double> best_loss;  // held-out
  std::int64_t best_step = 0;
  std::int64_t stale_evaluations = 0;  // since best_loss last fell by enough

  double seconds = 0;  // of training, over all starts
  // Since the last line of the metrics: its means go on after a resume.
  double window_loss = 0;
  double window_grad_norm = 0;
  std::int64_t window_steps = 0;
};

std::string to_json(const ProgressState& state);
// Throws input_error naming the key: a count is a whole number from 0, a text is not empty.
ProgressState progress_from(const JsonView& saved);
// Throws resume_error (6) naming `source`, and the key, for what does not read.
ProgressState progress_from_json(const std::string& json, const std::string& source);

}  // namespace llmtrain
