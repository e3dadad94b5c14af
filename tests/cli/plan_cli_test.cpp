#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// nanoGPT's smallest: 795,904 parameters and 64 x 128 learned positions.
constexpr double kParameters = 804096;

std::string pipeline(const std::string& length) {
  return "model: {preset: nanogpt-shakespeare-cpu}\n"
         "pretrain: {data: {train: [{path: missing.txt}]}, sequence_length: 64, batch_tokens: 768, " +
         length + "}\n";
}

ProgramResult plan(const std::string& length, std::vector<std::string> more = {}) {
  const TempDir folder;
  std::vector<std::string> arguments = {"plan", folder.write("p.yaml", pipeline(length))};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_llmtrain(arguments);
}

// By hand: 2,000 steps of 768 tokens; 6 x 795,904 + 12 x 4 x 128 x 64 FLOPs a token.
TEST(Plan, MultipliesOutStepsTokensAndFlops) {
  const auto result = plan("steps: 2000", {"--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto found = json::parse(result.out);
  EXPECT_EQ(found["parameters"], kParameters);
  EXPECT_EQ(found["steps"], 2000);
  EXPECT_EQ(found["tokens"], 1536000);
  EXPECT_DOUBLE_EQ(found["tokens_per_parameter"], 1536000 / kParameters);
  EXPECT_EQ(found["training_flops_per_token"], 6.0 * 795904 + 12.0 * 4 * 128 * 64);
  EXPECT_EQ(found["training_flops"], (6.0 * 795904 + 12.0 * 4 * 128 * 64) * 1536000);
  EXPECT_EQ(found["state_bytes"][1]["recipe"], "bf16");
  EXPECT_EQ(found["state_bytes"][1]["moments"], kParameters * 8);
}

TEST(Plan, ReachesTheTokensAskedForWithTheFewestSteps) {
  EXPECT_EQ(json::parse(plan("tokens: 1536000", {"--json"}).out)["steps"], 2000);
  EXPECT_EQ(json::parse(plan("tokens: 1536001", {"--json"}).out)["steps"], 2001);
  EXPECT_EQ(json::parse(plan("tokens: 1", {"--json"}).out)["steps"], 1);
}

TEST(Plan, PrintsForPeople) {
  const auto result = plan("steps: 2000, max_time: 30m");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part : {"804,096", "768 (12 rows of 64)", "2,000; fewer if 30 m 00 s are up before", "1.54M (1.91 a",
                           "arXiv 2203.15556", "7.94e+12", "fp32", "bf16"}) {
    EXPECT_THAT(result.out, HasSubstr(part)) << result.out;
  }
}

TEST(Plan, SaysThatEpochsNeedTheDataPrepared) {
  const auto text = plan("epochs: 3");
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.out, HasSubstr("what 3 passes over the data take; `llmtrain data prepare`"));
  const auto found = json::parse(plan("epochs: 3", {"--json"}).out);
  EXPECT_TRUE(found["steps"].is_null());
  EXPECT_TRUE(found["training_flops"].is_null());
  EXPECT_EQ(found["epochs"], 3.0);
}

TEST(Plan, TakesOverrides) {
  const auto result = plan("steps: 2000", {"--set", "pretrain.batch_tokens=1536", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["tokens"], 3072000);
}

TEST(Plan, RefusesAFileWithoutAStage) {
  const TempDir folder;
  const auto result = run_llmtrain({"plan", folder.write("p.yaml", "model: {preset: gpt2}\n")});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("no stage to plan; add a 'pretrain' section"));
}

}  // namespace
}  // namespace llmtrain
