#include "lib/train/start_record.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

RunFacts facts() {
  RunFacts facts;
  facts.threads = 2;
  facts.precision = "fp32";
  facts.kernels = "AVX2";
  facts.libtorch = "2.13.0";
  facts.llmtrain = "0.1.0";
  return facts;
}

StartRecord at(double time, std::vector<std::string> command) {
  return {.time = time, .command = std::move(command), .after_step = 7, .processor = "EPYC", .memory_bytes = 1024};
}

nlohmann::json starts_in(const TempDir& folder) {
  return nlohmann::json::parse(slurp(folder / "env.json")).at("starts");
}

TEST(AppendStart, KeepsEveryStartTheNewestLast) {
  const TempDir folder;
  append_start(folder.path(), at(1700000000, {"llmtrain", "pretrain", "p.yaml"}), facts(), Log());
  append_start(folder.path(), at(1700000060, {"llmtrain"}), facts(), Log());
  const auto starts = starts_in(folder);
  ASSERT_EQ(starts.size(), 2U);
  const auto expected = nlohmann::json::parse(R"({"time": "2023-11-14T22:13:20Z",
      "command": ["llmtrain", "pretrain", "p.yaml"], "after_step": 7, "llmtrain": "0.1.0", "libtorch": "2.13.0",
      "processor": "EPYC", "kernels": "AVX2", "threads": 2, "precision": "fp32", "memory_bytes": 1024})");
  EXPECT_EQ(starts[0], expected);
  EXPECT_EQ(starts[1].at("time"), "2023-11-14T22:14:20Z");
}

TEST(AppendStart, HidesSecrets) {
  const TempDir folder;
  append_start(folder.path(), at(0, {"llmtrain", "--set=hub.token=canary", "https://canary:canary@host/p.yaml"}),
               facts(), Log());
  EXPECT_THAT(slurp(folder / "env.json"), testing::Not(testing::HasSubstr("canary")));
  EXPECT_EQ(starts_in(folder)[0].at("command")[1], "--set=hub.token=***");
}

TEST(AppendStart, BeginsAFileAnewThatDoesNotRead) {
  for (const char* text : {"", "{\"starts\": [", "[]", "{}", "{\"starts\": 1}"}) {
    const TempDir folder;
    folder.write("env.json", text);
    std::vector<std::string> warnings;
    const Log log(LogLevel::kNormal, [&](LogKind, std::string_view line) { warnings.emplace_back(line); });
    append_start(folder.path(), at(0, {"llmtrain"}), facts(), log);
    EXPECT_EQ(starts_in(folder).size(), 1U);
    EXPECT_EQ(warnings.size(), 1U) << text;
  }
}

// A word need not be text.
TEST(AppendStart, TakesWordsThatAreNotUtf8) {
  const TempDir folder;
  append_start(folder.path(), at(0, {"\xff.yaml"}), facts(), Log());
  EXPECT_EQ(starts_in(folder)[0].at("command")[0], "\xef\xbf\xbd.yaml");
}

}  // namespace
}  // namespace llmtrain
