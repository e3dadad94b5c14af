#include <filesystem>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kPipeline = R"(run: {name: a, dir: runs}
model: {preset: llama-2m}
tokenizer: {train: {vocab_size: 2048}}
pretrain:
  data: {train: [{path: a.txt}]}
  sequence_length: 64
  batch_tokens: 256
  steps: 3
)";

class ReportCommand : public testing::Test {
 protected:
  ReportCommand() {
    for (const std::string run : {"a", "b"}) {
      folder_.write("runs/" + run + "/pretrain/metrics.jsonl",
                    "{\"step\":1,\"tokens\":8,\"split\":\"train\",\"loss\":2.0}\n"
                    "{\"step\":2,\"tokens\":16,\"split\":\"train\",\"loss\":1.5}\n");
      folder_.write("runs/" + run + "/pretrain/config.yaml", "run: {name: " + run + "}\n");
    }
    folder_.write("p.yaml", kPipeline);
  }
  ProgramResult report(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "report");
    return run_llmtrain(arguments, {.directory = folder_.path(), .environment = {}, .input = ""});
  }

  TempDir folder_;
};

TEST_F(ReportCommand, RebuildsThePageOfAStageAndPrintsItsPath) {
  const auto result = report({"runs/a/pretrain"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "runs/a/pretrain/report.html\n");
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(slurp(folder_ / "runs/a/pretrain/report.html"), HasSubstr("<h1>a: pretrain</h1>"));
}

TEST_F(ReportCommand, TakesARunsFolderAndAPipelineFile) {
  folder_.write("runs/a/sft/config.yaml", "run: {name: a}\n");
  const std::string both = "runs/a/pretrain/report.html\nruns/a/sft/report.html\n";
  EXPECT_EQ(report({"runs/a"}).out, both);
  EXPECT_EQ(report({"p.yaml"}).out, both);
  EXPECT_EQ(report({"p.yaml", "--set", "run.name=b"}).out, "runs/b/pretrain/report.html\n");
}

TEST_F(ReportCommand, ComparesSeveralRunsOnOnePage) {
  const auto result = report({"runs/a", "runs/b/pretrain"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "./report.html\n");
  const auto html = slurp(folder_ / "report.html");
  EXPECT_THAT(html, HasSubstr("<h1>a, b</h1>"));
  EXPECT_THAT(html, HasSubstr("<tr><td>run.name</td><td>a</td><td>b</td></tr>"));
  EXPECT_FALSE(fs::exists(folder_ / "runs/a/pretrain/report.html"));
}

TEST_F(ReportCommand, WritesWhereItIsTold) {
  EXPECT_EQ(report({"runs/a", "runs/b", "--output", "both.html"}).out, "both.html\n");
  EXPECT_TRUE(fs::exists(folder_ / "both.html"));
  EXPECT_EQ(report({"runs/a", "-o", "one.html"}).out, "one.html\n");
  EXPECT_THAT(slurp(folder_ / "one.html"), HasSubstr("<h1>a: pretrain</h1>"));
  const auto nowhere = report({"runs/a", "--output", "none/one.html"});
  EXPECT_EQ(nowhere.exit_code, 5);
  EXPECT_THAT(nowhere.err, HasSubstr("none/one.html"));
}

TEST_F(ReportCommand, RefusesOneFileForTwoStages) {
  folder_.write("runs/a/sft/config.yaml", "");
  const auto result = report({"runs/a", "--output", "one.html"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--output: one page, but this run has 2 stages"));
}

TEST_F(ReportCommand, RefusesWhatIsNoRun) {
  const auto missing = report({"runs/c"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err, "llmtrain: error: runs/c: No such file or directory\n");
  const auto empty = report({"runs"});
  EXPECT_EQ(empty.exit_code, 3);
  EXPECT_THAT(empty.err, StartsWith("llmtrain: error: runs: no run there, expected the folder of a stage"));
  const auto not_begun = report({"p.yaml", "--set", "run.name=c"});
  EXPECT_EQ(not_begun.exit_code, 3);
  EXPECT_THAT(not_begun.err, StartsWith("llmtrain: error: p.yaml: its run's folder is runs/c: no run there"));
  const auto no_pipeline = report({folder_.write("x.yaml", "nope: 1\n").string()});
  EXPECT_EQ(no_pipeline.exit_code, 2);
  EXPECT_THAT(no_pipeline.err, HasSubstr("unknown key 'nope'"));
}

TEST_F(ReportCommand, MakesAPageOfAHalfWrittenFolder) {
  folder_.write("runs/a/pretrain/metrics.jsonl", "{\"step\":1,\"tokens\":8,\"split\":\"train\",\"lo");
  folder_.write("runs/a/pretrain/result.json", "{");
  const auto result = report({"runs/a/pretrain"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto html = slurp(folder_ / "runs/a/pretrain/report.html");
  EXPECT_THAT(html, HasSubstr("the last line is cut"));
  EXPECT_THAT(html, Not(HasSubstr("<h2>Curves</h2>")));
}

}  // namespace
}  // namespace llmtrain
