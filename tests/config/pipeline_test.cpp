#include "lib/config/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

const std::string kQuickstart = LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml";

TEST(LoadPipeline, ReadsTheQuickstart) {
  const Pipeline pipeline = load_pipeline(kQuickstart);
  const PipelineConfig& config = pipeline.config;
  EXPECT_EQ(config.run.name, "quickstart");
  EXPECT_EQ(config.model.preset, "llama-2m");
  ASSERT_TRUE(config.tokenizer.train.has_value());
  EXPECT_EQ(config.tokenizer.train->vocab_size, 2048);
  ASSERT_TRUE(config.pretrain.has_value());
  ASSERT_EQ(config.pretrain->data.train.size(), 1U);
  EXPECT_EQ(config.pretrain->data.train[0].path, "data/corpus/*.jsonl");
  EXPECT_EQ(config.pretrain->data.validation.fraction, 0.02);
  EXPECT_EQ(config.pretrain->optim.lr, 3e-3);
  EXPECT_EQ(config.pretrain->optim.schedule.warmup_steps, 50);
  EXPECT_EQ(config.pretrain->checkpoint.every_steps, 200);
}

TEST(LoadPipeline, RefusesAMissingFileAsAWrongCommandLine) {
  const TempDir dir;
  EXPECT_THAT(error_of(ExitCode::kUsage, [&] { load_pipeline(dir / "none.yaml"); }), testing::HasSubstr("none.yaml"));
}

TEST(LoadPipeline, RefusesAWarmUpLongerThanTheRun) {
  const auto message = error_of(ExitCode::kUsage, [] {
    load_pipeline(kQuickstart, {"pretrain.steps=40", "pretrain.optim.schedule.warmup_steps=41"});
  });
  EXPECT_THAT(message, testing::HasSubstr("warmup_steps"));
  EXPECT_THAT(message, testing::HasSubstr("got 41 of 40 steps"));
  EXPECT_NO_THROW(load_pipeline(kQuickstart, {"pretrain.steps=40", "pretrain.optim.schedule.warmup_steps=40"}));
}

}  // namespace
}  // namespace llmtrain
