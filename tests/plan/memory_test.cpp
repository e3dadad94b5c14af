#include "lib/plan/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// Small enough to count by hand: embed 4, one head of 4, ffn 8 (swiglu), vocab 10.
ModelShape tiny() {
  ModelShape shape;
  shape.layers = 3;
  shape.embed = 4;
  shape.heads = 1;
  shape.kv_heads = 1;
  shape.head_dim = 4;
  shape.ffn = 8;
  shape.vocab = 10;
  shape.context = 16;
  shape.tied = true;
  return shape;
}

// By hand, a token: 4 embed = 16, qkv 12, attention's result 4, gate and up 16, their product 8: 56 a block. Three
// blocks and 3 embed at the ends: 180 numbers; a row of 5 tokens in fp32: 3600 bytes.
TEST(TrainingMemory, CountsWhatBlocksKeep) {
  const auto memory = training_memory(tiny(), kFp32Recipe, {.sequence_length = 5, .bytes_per_activation = 4});
  EXPECT_EQ(memory.activations_per_row, 3600);
  EXPECT_EQ(memory.transient_per_row, 56 * 5 * 4);
}

// By hand: blocks keep their inputs alone, 3 * 4 + 3 * 4 numbers a token.
TEST(TrainingMemory, KeepsInputsAloneWithRecomputation) {
  const auto memory =
      training_memory(tiny(), kFp32Recipe, {.sequence_length = 5, .bytes_per_activation = 4, .recompute = true});
  EXPECT_EQ(memory.activations_per_row, 24 * 5 * 4);
}

// By hand: embedding 40, a block 4*12 + 16 + 3*32 + 8 = 168, final norm 4: 548 parameters. fp32: 16 bytes each, and a
// save copies weights and moments, 12.
TEST(TrainingMemory, CountsStateAndTheSaveInFlight) {
  const auto memory = training_memory(tiny(), kFp32Recipe, {.sequence_length = 5});
  EXPECT_EQ(memory.state.total(), 548 * 16);
  EXPECT_EQ(memory.snapshot, 548 * 12);
  const auto narrow = training_memory(tiny(), kBf16Recipe, {.sequence_length = 5, .bytes_per_activation = 2});
  EXPECT_EQ(narrow.snapshot, 548 * 12);
  EXPECT_EQ(narrow.activations_per_row, 1800);
}

TrainingMemory of(std::int64_t fixed, std::int64_t per_row) {
  TrainingMemory memory;
  memory.workspace = fixed;
  memory.activations_per_row = per_row;
  return memory;
}

// By hand, with 85 of each 100 bytes planned with: (850 - 100) / 100 = 7 rows fit; 20 rows in 3 parts are 7, 7, 6.
TEST(ChooseMicroRows, TakesWhatFitsAndSpreadsItEvenly) {
  EXPECT_EQ(choose_micro_rows(of(100, 100), {.sequence_length = 1}, 20, 1000), 7);
  EXPECT_EQ(choose_micro_rows(of(100, 100), {.sequence_length = 1}, 8, 1000), 4);
  EXPECT_EQ(choose_micro_rows(of(100, 100), {.sequence_length = 1}, 5, 1000), 5);
}

TEST(ChooseMicroRows, StaysBelowTheTokensThatProductsNeed) {
  EXPECT_EQ(choose_micro_rows(of(0, 1), {.sequence_length = 1024}, 64, 1 << 30), kMicroTokens / 1024);
  EXPECT_EQ(choose_micro_rows(of(0, 1), {.sequence_length = 2 * kMicroTokens}, 64, 1 << 30), 1);
}

TEST(ChooseMicroRows, RefusesWhatCannotFit) {
  try {
    choose_micro_rows(of(5000, 100), {.sequence_length = 1}, 4, 1000);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::kOutOfMemory);
    EXPECT_THAT(error.what(), testing::HasSubstr("5.0 KiB"));
    EXPECT_THAT(error.what(), testing::HasSubstr("recompute"));
  }
}

}  // namespace
}  // namespace llmtrain
