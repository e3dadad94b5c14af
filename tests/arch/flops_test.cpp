#include "lib/arch/flops.h"

#include <gtest/gtest.h>

#include "lib/arch/state_bytes.h"

namespace llmtrain {
namespace {

// nanoGPT's transformer_sizing.ipynb counts its 124M model without biases, matrix product by matrix product:
// 291,648,307,200 forward on 1,024 tokens, three times that for training. Its PaLM estimate, 879,894,724,608, takes the
// 786,432 learned positions in, which are only looked up.
TEST(Flops, AgreeWithNanoGptsCountOfGpt2) {
  const auto shape = resolve_model({.preset = "gpt2", .bias = false});
  EXPECT_EQ(forward_flops_per_token(shape, 1024) * 1024, 291648307200.0);
  EXPECT_EQ(training_flops_per_token(shape, 1024) * 1024, 879894724608.0 - 6.0 * 786432 * 1024);
}

// By hand: N 6,738,415,616 less the embedding of 32,000 x 4,096; attention 12 x 32 x 4,096 x 4,096.
TEST(Flops, LeaveOutATableThatIsOnlyLookedUp) {
  const auto shape = resolve_model({.preset = "llama-2-7b"});
  EXPECT_EQ(training_flops_per_token(shape, 4096), 6.0 * (6738415616.0 - 131072000.0) + 12.0 * 32 * 4096 * 4096);
}

TEST(Flops, CountTheAttentionWidthOfTheHeadsNotOfTheStream) {
  const auto shape = resolve_model({.preset = "qwen3-0.6b"});  // 16 heads of 128 on a stream of 1,024
  EXPECT_EQ(training_flops_per_token(shape, 200) - training_flops_per_token(shape, 100), 12.0 * 28 * 2048 * 100);
}

TEST(Flops, StopGrowingAtTheSlidingWindow) {
  const auto shape = resolve_model({.preset = "mistral-7b-v0.1"});
  EXPECT_LT(training_flops_per_token(shape, 4095), training_flops_per_token(shape, 4096));
  EXPECT_EQ(training_flops_per_token(shape, 4096), training_flops_per_token(shape, 8192));
  EXPECT_EQ(forward_flops_per_token(shape, 4096), forward_flops_per_token(shape, 8192));
}

// Mixed-precision AdamW takes 16 bytes a parameter with bf16 gradients (ZeRO, arXiv 1910.02054, section 3.1), as does
// fp32 without a master copy.
TEST(StateBytes, AddUpToSixteenBytesAParameter) {
  EXPECT_EQ(state_bytes(7'500'000'000, kBf16Recipe).total(), 120'000'000'000);
  EXPECT_EQ(state_bytes(7'500'000'000, kFp32Recipe).total(), 120'000'000'000);
  EXPECT_EQ(state_bytes(10, kBf16AccumulatedRecipe).gradients, 40);
  EXPECT_EQ(state_bytes(10, kBf16Recipe).weights, 20);
  EXPECT_EQ(state_bytes(10, kBf16Recipe).master, 40);
}

}  // namespace
}  // namespace llmtrain
