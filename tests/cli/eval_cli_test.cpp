#include <filesystem>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

// The front of `llmtrain eval`, up to the point where the engine takes over: beside a copy of the front stands a
// program that says what it was started with.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

class EvalFront : public testing::Test {
 protected:
  EvalFront() {
    fs::copy_file(LLMTRAIN_BINARY_DIR "/llmtrain", folder_ / "llmtrain");
    const auto engine =
        folder_.write("llmtrain-engine", "#!/bin/sh\nfor word in \"$@\"; do echo \"[$word]\"; done\nexit 75\n");
    fs::permissions(engine, fs::perms::owner_all);
    folder_.write("p.yaml", "run: {name: r}\neval: {multiple_choice: [{path: q.jsonl}]}\n");
  }

  ProgramResult start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {(folder_ / "llmtrain").string(), "eval"});
    return run_program(arguments, {.directory = folder_.path(), .environment = {}, .input = ""});
  }

  TempDir folder_;
};

TEST_F(EvalFront, BecomesTheEngineWithTheSameArguments) {
  folder_.write("m/config.json", "{}");
  const auto result = start({"p.yaml", "--set", "run.seed=2", "--task", "perplexity=-a.txt", "--task",
                             "exact_match=b.jsonl", "--model", "m", "--json", "--output", "-o.json", "-q"});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_EQ(result.out,
            "[eval]\n[--set=run.seed=2]\n[--task=perplexity=-a.txt]\n[--task=exact_match=b.jsonl]\n[--model=m]\n"
            "[--quiet]\n[--progress=auto]\n[--json]\n[--output=-o.json]\n[--]\n[p.yaml]\n");
}

TEST_F(EvalFront, NeedsNoPipelineWithAModelAndATask) {
  folder_.write("runs/r/pretrain/model/config.json", "{}");
  EXPECT_EQ(start({"--model", "runs/r", "--task", "perplexity=a.txt"}).exit_code, 75);
  EXPECT_EQ(start({"p.yaml"}).exit_code, 75);
}

TEST_F(EvalFront, SaysWhichCommandMakesAModel) {
  const auto result = start({"p.yaml"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("try `llmtrain pretrain p.yaml` first"));
}

TEST_F(EvalFront, RefusesAModelThatIsNotThere) {
  const auto result = start({"p.yaml", "--model", "none"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, StartsWith("llmtrain: error: none: no such folder"));
}

TEST_F(EvalFront, NamesThePlaceOfABadPattern) {
  folder_.write("p.yaml", "eval:\n  exact_match:\n    - {path: a, pattern: \"(\"}\n");
  const auto result = start({"p.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("llmtrain: error: p.yaml:3:17: 'eval.exact_match[0].pattern': not a regular "
                                     "expression: byte 1: missing closing parenthesis"));
}

TEST_F(EvalFront, RefusesACommandLineThatNamesNoModelOrTask) {
  for (const auto& [arguments, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{}, "no model is named"},
           {{"--model", "m"}, "nothing to evaluate, expected a pipeline file or --task KIND=FILE"},
           {{"--model", "m", "--task", "accuracy=a"}, "--task: expected KIND=FILE"}}) {
    const auto result = start(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, HasSubstr(said));
  }
}

}  // namespace
}  // namespace llmtrain
