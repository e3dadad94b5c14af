#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// What the folder of a stage tells of its starts.
namespace llmtrain {
namespace {

using testing::ElementsAre;

TEST(Starts, AreRecordedEachUntilTheRunIsDone) {
  TrainingFolder run;
  run.stop_after(8);
  EXPECT_EQ(run.run({.arguments = {"--progress", "off"}}).exit_code, 0);
  EXPECT_EQ(run.run().exit_code, 0);  // finds it done
  const auto starts = nlohmann::json::parse(slurp(run.stage() / "env.json")).at("starts");
  ASSERT_EQ(starts.size(), 2U);
  EXPECT_EQ(starts[0].at("after_step"), 0);
  EXPECT_EQ(starts[1].at("after_step"), 8);
  EXPECT_THAT(
      starts[1].at("command").get<std::vector<std::string>>(),
      ElementsAre("llmtrain", "pretrain", "--progress=off", "--resume=auto", "--log-format=text", "--", "p.yaml"));
  for (const auto& start : starts) {
    EXPECT_EQ(start.at("threads"), 1);
    EXPECT_EQ(start.at("precision"), "fp32");
    EXPECT_GT(start.at("memory_bytes").get<std::int64_t>(), 0);
    for (const char* key : {"llmtrain", "libtorch", "processor", "kernels"}) {
      EXPECT_NE(start.at(key).get<std::string>(), "") << key;
    }
  }
}

}  // namespace
}  // namespace llmtrain
