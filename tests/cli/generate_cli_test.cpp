#include <filesystem>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gmock/gmock.h>

#include "apps/llmtrain/generate_options.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

GenerateCommand parsed(std::vector<std::string> arguments) {
  CLI::App app;
  GenerateCommand options;
  add_generate_options(app, options);
  arguments.insert(arguments.begin(), "generate");
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return options;
}

// What the engine is started with reads to the same, whatever stands in the texts.
TEST(GenerateOptions, SurviveTheWayToTheEngine) {
  const auto given = parsed({"p.yaml",
                             "--set=run.seed=7",
                             "--model",
                             "folder with spaces",
                             "--prompt",
                             "",
                             "--prompt=-x",
                             "--prompt",
                             "{}",
                             "--prompt=[a,b]",
                             "--prompt=\"two\nlines\"",
                             "--stop",
                             "\n",
                             "--stop=--",
                             "--prompts=-",
                             "--temperature=0.25",
                             "--top-k=40",
                             "--top-p=0.9",
                             "--min-p=0.05",
                             "--repetition-penalty=1.1",
                             "--seed=0",
                             "--num-samples=3",
                             "--slots=2",
                             "--max-tokens=5",
                             "--json",
                             "-q",
                             "--precision=bf16"});
  EXPECT_THAT(given.prompts, ElementsAre("", "-x", "{}", "[a,b]", "\"two\nlines\""));
  const auto again = parsed(to_arguments(given));
  EXPECT_EQ(again.pipeline, "p.yaml");
  EXPECT_THAT(again.overrides, ElementsAre("run.seed=7"));
  EXPECT_EQ(again.model, "folder with spaces");
  EXPECT_EQ(again.prompts, given.prompts);
  EXPECT_EQ(again.prompts_file, "-");
  EXPECT_EQ(again.prompt_file, "");
  EXPECT_THAT(again.stops, ElementsAre("\n", "--"));
  EXPECT_EQ(again.temperature, 0.25);
  EXPECT_EQ(again.top_k, 40);
  EXPECT_EQ(again.top_p, 0.9);
  EXPECT_EQ(again.min_p, 0.05);
  EXPECT_EQ(again.repetition_penalty, 1.1);
  EXPECT_EQ(again.seed, 0);
  EXPECT_EQ(again.samples, 3);
  EXPECT_EQ(again.slots, 2);
  EXPECT_EQ(again.max_tokens, 5);
  EXPECT_TRUE(again.json);
  EXPECT_TRUE(again.shared.quiet);
  EXPECT_EQ(again.precision, "bf16");
}

// The front, beside a program that says what it was started with.
class GenerateFront : public testing::Test {
 protected:
  GenerateFront() {
    fs::copy_file(LLMTRAIN_BINARY_DIR "/llmtrain", folder_ / "llmtrain");
    const auto engine =
        folder_.write("llmtrain-engine", "#!/bin/sh\nfor word in \"$@\"; do echo \"[$word]\"; done\nexit 75\n");
    fs::permissions(engine, fs::perms::owner_all);
    folder_.write("p.yaml",
                  "run: {name: r}\nmodel: {preset: llama-2m}\ntokenizer: {train: {vocab_size: 300}}\n"
                  "pretrain: {data: {train: [{path: a.txt}]}, sequence_length: 64, batch_tokens: 64, steps: 1}\n");
  }

  ProgramResult start(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {(folder_ / "llmtrain").string(), "generate"});
    return run_program(arguments, {.directory = folder_.path(), .environment = {}, .input = ""});
  }
  std::string fault(const std::vector<std::string>& arguments, int code) {
    const auto result = start(arguments);
    EXPECT_EQ(result.exit_code, code) << result.err;
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
    return result.err;
  }

  TempDir folder_;
};

TEST_F(GenerateFront, BecomesTheEngine) {
  folder_.write("runs/r/pretrain/model/config.json", "{}");
  const auto result = start({"p.yaml", "--prompt", "a b"});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.out, testing::StartsWith("[generate]\n"));
  EXPECT_THAT(result.out, HasSubstr("[--prompt=a b]\n"));
  EXPECT_THAT(result.out, testing::EndsWith("[--]\n[p.yaml]\n"));
  EXPECT_EQ(start({"--model", "runs/r"}).exit_code, 75);
}

TEST_F(GenerateFront, SaysWhatMakesTheModelThatIsMissing) {
  EXPECT_THAT(fault({"p.yaml"}, 3),
              HasSubstr("runs/r: no model was trained there yet; try `llmtrain pretrain p.yaml`"));
  folder_.write("runs/r/pretrain/checkpoints/step-1/manifest.json", "{}");
  EXPECT_THAT(fault({"p.yaml"}, 3), HasSubstr("runs/r/pretrain: is not done yet"));
  EXPECT_THAT(fault({"--model", "nowhere"}, 3), HasSubstr("nowhere: no such folder"));
  EXPECT_THAT(fault({}, 2), HasSubstr("expected a pipeline file or --model DIR"));
}

TEST_F(GenerateFront, RefusesWhatMakesNoSense) {
  folder_.write("m/config.json", "{}");
  const auto with = [&](std::vector<std::string> arguments, int code = 2) {
    arguments.insert(arguments.end(), {"--model", "m"});
    return fault(arguments, code);
  };
  EXPECT_THAT(with({"--temperature=-1"}), HasSubstr("--temperature: expected a number from 0, got -1"));
  EXPECT_THAT(with({"--temperature=nan"}), HasSubstr("--temperature: expected a number from 0, got nan"));
  EXPECT_THAT(with({"--top-p=0"}), HasSubstr("--top-p: expected a number above 0 to 1, got 0"));
  EXPECT_THAT(with({"--min-p=1.5"}), HasSubstr("--min-p: expected a number from 0 to 1, got 1.5"));
  EXPECT_THAT(with({"--repetition-penalty=0"}), HasSubstr("--repetition-penalty: expected a number above 0, got 0"));
  EXPECT_THAT(with({"--top-k=0"}), HasSubstr("--top-k"));
  EXPECT_THAT(with({"--max-tokens=0"}), HasSubstr("--max-tokens"));
  EXPECT_THAT(with({"--stop", ""}), HasSubstr("--stop: expected a text, got nothing"));
  EXPECT_THAT(with({"--prompts=-", "--prompt-file=-"}), HasSubstr("only one of them can read stdin"));
  EXPECT_THAT(with({"--set", "run.seed=1"}), HasSubstr("--set"));
  EXPECT_THAT(with({"--prompts=none.jsonl"}, 3), HasSubstr("none.jsonl: "));
}

}  // namespace
}  // namespace llmtrain
