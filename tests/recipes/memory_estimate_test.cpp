// What lib/plan/memory.h says by arithmetic against what the caching allocator counts during a step.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/arch/model_shape.h"
#include "lib/ops/runtime.h"
#include "lib/params/init.h"
#include "lib/plan/memory.h"
#include "lib/train/lm_objective.h"
#include "lib/train/step.h"

namespace llmtrain {
namespace {

constexpr std::int64_t kRows = 8;
constexpr std::int64_t kSeq = 256;

ModelShape shape_of(const char* preset) {
  ModelConfig config;
  config.preset = preset;
  config.layers = 8;
  config.vocab = 1000;  // a small head: its chunks are the workspace, not the activations
  return resolve_model(config);
}

Batch batch_of(std::int64_t vocab) {
  RowBatch rows;
  for (std::int64_t row = 0; row < kRows; ++row) {
    for (std::int64_t i = 0; i <= kSeq; ++i) rows.tokens.push_back(static_cast<std::int32_t>((7 * row + i) % vocab));
    for (std::int64_t i = 0; i < kSeq; ++i) rows.positions.push_back(static_cast<std::int32_t>(i));
    rows.document_bounds.push_back(static_cast<std::int32_t>(row * kSeq));
  }
  rows.document_bounds.push_back(kRows * kSeq);
  rows.target_mask.assign(kRows * kSeq, 1);
  rows.rows = kRows;
  rows.seq = kSeq;
  rows.targets = kRows * kSeq;
  return to_batch(rows);
}

// Most bytes of tensors in a step beyond what was there before it.
double step_bytes(const ModelShape& shape, bool recompute) {
  static const auto runtime = start_runtime({.threads = 2});
  WeightStore store(decoder_layout(shape, StepRule::kAdamW), {});
  initialize(store, shape, 1);
  const Decoder decoder(shape, store);
  const auto objective = lm_objective(decoder, {.recompute = recompute});
  const auto batch = batch_of(shape.vocab);
  const auto before = tensor_memory().now;
  reset_peak_memory();
  accumulate_gradients(batch, objective, 0, kRows);
  return static_cast<double>(tensor_memory().peak - before);
}

double estimate(const ModelShape& shape, bool recompute) {
  const auto memory =
      training_memory(shape, kFp32Recipe, {.sequence_length = kSeq, .bytes_per_activation = 4, .recompute = recompute});
  return static_cast<double>(kRows * (memory.activations_per_row + memory.transient_per_row));
}

class MemoryEstimate : public testing::TestWithParam<const char*> {};

// Never less than what is needed, and not so much more that memory is wasted.
TEST_P(MemoryEstimate, HoldsForAStep) {
  const auto shape = shape_of(GetParam());
  const double share = step_bytes(shape, false) / estimate(shape, false);
  RecordProperty("share", std::to_string(share));
  EXPECT_GT(share, 0.7);
  EXPECT_LT(share, 1.02);
}

TEST_P(MemoryEstimate, HoldsWithRecomputation) {
  const auto shape = shape_of(GetParam());
  const double share = step_bytes(shape, true) / estimate(shape, true);
  RecordProperty("share", std::to_string(share));
  EXPECT_GT(share, 0.5);
  EXPECT_LT(share, 1.05);
}

INSTANTIATE_TEST_SUITE_P(Families, MemoryEstimate, testing::Values("llama-2m", "nanogpt-shakespeare-10m"));

}  // namespace
}  // namespace llmtrain
