#include "lib/plan/eval_pipeline.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(LoadEvalPipeline, TakesTheFilesTasks) {
  const TempDir folder;
  const auto path = folder.write("p.yaml", "eval: {multiple_choice: [{path: a.jsonl}, {path: b.jsonl}]}\n");
  const auto eval = *load_eval_pipeline({.pipeline = path.string()}).config.eval;
  EXPECT_THAT(eval.multiple_choice, SizeIs(2));
  EXPECT_TRUE(eval.held_out);
}

TEST(LoadEvalPipeline, TakesTasksOfTheCommandLineInsteadOfTheFiles) {
  const TempDir folder;
  const auto path = folder.write("p.yaml", "eval: {multiple_choice: [{path: a.jsonl}], perplexity: [{path: b.txt}]}\n");
  const auto eval =
      *load_eval_pipeline(
           {.pipeline = path.string(), .overrides = {}, .tasks = {"exact_match=c=d.jsonl", "perplexity=e.txt"}})
           .config.eval;
  EXPECT_FALSE(eval.held_out);
  EXPECT_THAT(eval.multiple_choice, IsEmpty());
  ASSERT_THAT(eval.exact_match, SizeIs(1));
  EXPECT_EQ(eval.exact_match[0].path, "c=d.jsonl");
  ASSERT_THAT(eval.perplexity, SizeIs(1));
  EXPECT_EQ(eval.perplexity[0].path, "e.txt");
}

TEST(LoadEvalPipeline, NeedsNoFileWithTasks) {
  EXPECT_THAT(
      load_eval_pipeline({.pipeline = "", .overrides = {}, .tasks = {"perplexity=a.txt"}}).config.eval->perplexity,
      SizeIs(1));
  EXPECT_EQ(error_of(ExitCode::kUsage, [] { load_eval_pipeline({}); }),
            "nothing to evaluate, expected a pipeline file or --task KIND=FILE");
  EXPECT_THAT(
      error_of(
          ExitCode::kUsage,
          [] { load_eval_pipeline({.pipeline = "", .overrides = {"run.seed=1"}, .tasks = {"perplexity=a.txt"}}); }),
      HasSubstr("--set: overrides a key of a pipeline file, and none is given"));
}

TEST(LoadEvalPipeline, RefusesTasksOfNoKind) {
  const auto fault_of = [](const std::string& task) {
    return error_of(ExitCode::kUsage, [&] { load_eval_pipeline({.pipeline = "", .overrides = {}, .tasks = {task}}); });
  };
  EXPECT_EQ(fault_of("multiple_choise=a"),
            "--task: expected KIND=FILE with one of perplexity, multiple_choice, exact_match, got "
            "'multiple_choise=a'; did you mean 'multiple_choice'?");
  EXPECT_THAT(fault_of("perplexity"), HasSubstr("got 'perplexity'"));
  EXPECT_THAT(fault_of("perplexity="), HasSubstr("got 'perplexity='"));
  EXPECT_THAT(fault_of("a.jsonl"), HasSubstr("got 'a.jsonl'"));
}

TEST(LoadEvalPipeline, RefusesAGpuAtItsPlace) {
  const TempDir folder;
  const auto path = folder.write("p.yaml", "run: {device: cuda}\n").string();
  EXPECT_THAT(error_of(ExitCode::kUsage, [&] { load_eval_pipeline({.pipeline = path}); }),
              HasSubstr(path + ":1:7: 'run.device': evaluation runs on processors only so far, got cuda"));
}

}  // namespace
}  // namespace llmtrain
