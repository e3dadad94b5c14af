#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

const std::string kQuickstart = LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml";

TEST(ConfigCheck, SaysOkAndWhichSectionsThereAre) {
  const auto result = run_llmtrain({"config", "check", kQuickstart});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, kQuickstart + ": ok (run, model, tokenizer, pretrain, eval)\n");
  EXPECT_EQ(result.err, "");
}

// Whatever comes with the project is right; a file that names a text by a variable has it set.
TEST(ConfigCheck, PassesEveryPipelineFileThatComesWithTheProject) {
  const ProgramOptions options{.directory = ".", .environment = {{"SHAKESPEARE", "tinyshakespeare.txt"}}, .input = ""};
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(LLMTRAIN_SOURCE_DIR "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    const auto result = run_llmtrain({"config", "check", entry.path().string()}, options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  EXPECT_GE(files, 3);
}

// config/train_shakespeare_char.py of nanoGPT, and its README's options for a CPU.
TEST(ConfigShow, HasNanoGptsSettings) {
  const ProgramOptions options{.directory = ".", .environment = {{"SHAKESPEARE", "tinyshakespeare.txt"}}, .input = ""};
  const auto show = [&](const std::string& name) {
    return run_llmtrain({"config", "show", LLMTRAIN_SOURCE_DIR "/configs/pretrain/" + name}, options).out;
  };
  const auto cpu = show("shakespeare_char_cpu.yaml");
  const auto large = show("shakespeare_char_10m.yaml");
  for (const auto& shown : {cpu, large}) {
    for (const char* line : {"beta2: 0.99\n", "weight_decay: 0.1\n", "grad_clip: 1.0\n", "name: cosine\n",
                             "warmup_steps: 100\n", "final_ratio: 0.1\n", "hold_out: tail\n"}) {
      EXPECT_THAT(shown, HasSubstr(line));
    }
  }
  EXPECT_THAT(cpu, HasSubstr("lr: 0.002\n"));  // the one value that is not nanoGPT's
  EXPECT_THAT(large, HasSubstr("lr: 0.001\n"));
  EXPECT_THAT(cpu, testing::ContainsRegex("sequence_length: 64\n *batch_tokens: 768\n"));
  EXPECT_THAT(cpu, HasSubstr("steps: 2000\n"));
  EXPECT_THAT(large, testing::ContainsRegex("sequence_length: 256\n *batch_tokens: 16384\n"));
  EXPECT_THAT(large, HasSubstr("steps: 5000\n"));
  EXPECT_THAT(large, HasSubstr("dropout: 0.2\n"));
}

TEST(ConfigCheck, ReportsEveryFaultWithItsLineAndACount) {
  const TempDir dir;
  dir.write("p.yaml", "run:\n  sed: 1\n  device: gpuu\npretrain:\n  data: {train: [{path: x}]}\n  optim: {lr: 0}\n");
  const auto result = run_llmtrain({"config", "check", "p.yaml", "--set", "pretrain.lr=1"},
                                   {.directory = dir.path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(
      result.err,
      "llmtrain: error: p.yaml:2:3: unknown key 'run.sed'; did you mean 'run.seed'?\n"
      "  2 |   sed: 1\n"
      "    |   ^\n"
      "llmtrain: error: p.yaml:3:11: 'run.device': expected one of auto, cpu, cuda, got 'gpuu'; did you mean 'cpu'?\n"
      "  3 |   device: gpuu\n"
      "    |           ^\n"
      "llmtrain: error: p.yaml:6:15: 'pretrain.optim.lr': expected a number above 0, got '0'\n"
      "  6 |   optim: {lr: 0}\n"
      "    |               ^\n"
      "llmtrain: error: --set: unknown key 'pretrain.lr'; did you mean 'pretrain.optim.lr'?\n"
      "llmtrain: error: p.yaml: 'model.preset': no model is given; name a preset (`llmtrain model presets` lists them) "
      "or give the sizes\n"
      "llmtrain: 5 errors\n");
}

TEST(ConfigCheck, RefusesWhatIsNoFileAsAWrongCommandLine) {
  for (const char* path : {"/nonexistent/p.yaml", "/dev/zero", "/tmp"}) {
    const auto result = run_llmtrain({"config", "check", path});
    EXPECT_EQ(result.exit_code, 2) << path;
    EXPECT_THAT(result.err, testing::StartsWith(std::string("llmtrain: error: ") + path));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

// What it prints passes its own check and is what it would print again.
TEST(ConfigShow, PrintsAFileThatSaysTheSame) {
  const TempDir dir;
  for (const bool origin : {false, true}) {
    std::vector<std::string> arguments = {"config", "show", kQuickstart};
    if (origin) arguments.emplace_back("--origin");
    const auto shown = run_llmtrain(arguments);
    ASSERT_EQ(shown.exit_code, 0) << shown.err;
    const auto file = dir.write("shown.yaml", shown.out).string();
    EXPECT_EQ(run_llmtrain({"config", "check", file}).exit_code, 0);
    EXPECT_EQ(run_llmtrain({"config", "show", file}).out, run_llmtrain({"config", "show", kQuickstart}).out);
  }
}

TEST(ConfigShow, SaysWhereEachValueCameFrom) {
  const TempDir dir;
  dir.write("p.yaml", "run:\n  name: ${WHO}\n  seed: 7\ntokenizer: {train: {}}\n");
  const auto result = run_llmtrain({"config", "show", "p.yaml", "--origin", "--set", "run.seed=8"},
                                   {.directory = dir.path(), .environment = {{"WHO", "ada"}}, .input = ""});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, testing::ContainsRegex("\n  name: ada  +# p.yaml:2:3 \\(\\$\\{WHO\\}\\)\n"));
  EXPECT_THAT(result.out, testing::ContainsRegex("\n  seed: 8  +# --set\n"));
  EXPECT_THAT(result.out, testing::ContainsRegex("\n  dir: runs  +# default\n"));
}

TEST(ConfigExplain, ExplainsAKeyASectionAndTheTree) {
  EXPECT_THAT(run_llmtrain({"config", "explain", "pretrain.optim.lr"}).out, HasSubstr("Peak learning rate."));
  EXPECT_THAT(run_llmtrain({"config", "explain", "pretrain.optim"}).out, HasSubstr("weight_decay"));
  EXPECT_THAT(run_llmtrain({"config", "explain"}).out, HasSubstr("warmup_steps"));
  const auto unknown = run_llmtrain({"config", "explain", "pretrain.optim.rl"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'pretrain.optim.lr'?"));
}

TEST(ConfigSchema, IsJson) {
  const auto result = run_llmtrain({"config", "schema"});
  EXPECT_EQ(result.exit_code, 0);
  const auto schema = nlohmann::json::parse(result.out);
  EXPECT_TRUE(schema["properties"].contains("pretrain"));
}

TEST(ConfigReference, IsTheCommittedPage) {
  EXPECT_TRUE(run_llmtrain({"config", "reference"}).out == slurp(LLMTRAIN_SOURCE_DIR "/configs/README.md"));
}

TEST(ConfigCheck, ReportsAWrongPresetTogetherWithATypo) {
  const TempDir dir;
  const auto path =
      dir.write("p.yaml",
                "model: {preset: llama-2n}\n"
                "tokenizer: {train: {}}\n"
                "pretrain: {data: {train: [{path: a}]}, steps: 1, sequence_length: 64, batch_token: 64}\n");
  const auto result = run_llmtrain({"config", "check", path.string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, testing::HasSubstr("'pretrain.batch_token'; did you mean 'pretrain.batch_tokens'?"));
  EXPECT_THAT(result.err, testing::HasSubstr("p.yaml:1:"));
  EXPECT_THAT(result.err, testing::HasSubstr("llama-2m"));
  EXPECT_THAT(result.err, testing::HasSubstr("llmtrain: 2 errors"));
}

TEST(ConfigCheck, DoesNotMakeUpModelFaultsFromAMisspelledKeyOfTheModel) {
  const TempDir dir;
  const auto path = dir.write("p.yaml",
                              "model: {layers: 2, embd: 64, heads: 2, context: 64, vocab: 300}\n"
                              "pretrain: {data: {train: [{path: a}]}, steps: 1, sequence_length: 64}\n");
  const auto result = run_llmtrain({"config", "check", path.string()});
  EXPECT_THAT(result.err, testing::HasSubstr("did you mean 'model.embed'?"));
  EXPECT_THAT(result.err, testing::Not(testing::HasSubstr("errors")));
}

}  // namespace
}  // namespace llmtrain
