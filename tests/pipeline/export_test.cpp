#include <csignal>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// The model that a run ends with.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST(Export, IsMadeAfterAResumeWhereAStopComesBetween) {
  const Reference reference;
  const TrainingFolder run;
  const auto stopped = run.run({.environment = hooks("stop_in_export=1")});
  EXPECT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("stopped writing the model on request; run the same command again to go on"));
  EXPECT_THAT(slurp(run.stage() / "train.log"), Not(HasSubstr("error: stopped")));
  for (const auto& name : names_in(run.stage())) EXPECT_FALSE(name.starts_with("model")) << name;
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

TEST(Export, IsMadeAfterAResumeWhereAStopComesInTheLastSave) {
  const Reference reference({"pretrain.checkpoint.every_steps=1000", "pretrain.checkpoint.keep_best=false"});
  TrainingFolder run;
  run.set("pretrain.checkpoint.every_steps=1000").set("pretrain.checkpoint.keep_best=false");
  const auto training = run.start({.environment = hooks("slow_save_ms=300")});
  ASSERT_TRUE(training->wait_until([&] { return save_in_flight(run.checkpoints()); }));
  training->signal(SIGTERM);
  ASSERT_TRUE(training->wait_for("stopping after step 24 on SIGTERM; a second signal leaves at once"))
      << training->err();
  EXPECT_TRUE(save_in_flight(run.checkpoints())) << "it is said at once";
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped after step 24, state saved in"));
  EXPECT_FALSE(fs::exists(run.stage() / "model"));
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// Qwen2's class, by its biases; the tokenizer is of characters, which AutoTokenizer would not take from such a folder.
TEST(Export, WarnsOnceOfATokenizerThatTransformersWouldNotTake) {
  TrainingFolder run;
  run.set("model.qkv_bias=true");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string warning = "llmtrain: warning: transformers' AutoTokenizer takes Qwen2Tokenizer";
  const auto first = result.err.find(warning);
  ASSERT_NE(first, std::string::npos) << result.err;
  EXPECT_EQ(result.err.find(warning, first + 1), std::string::npos);
  EXPECT_THAT(slurp(run.stage() / "train.log"), HasSubstr("warning: transformers' AutoTokenizer"));
}

}  // namespace
}  // namespace llmtrain
