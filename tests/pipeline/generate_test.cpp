#include <algorithm>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// `llmtrain generate` on a tiny model that was trained before.
namespace llmtrain {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// Trained once for all tests: samples without chance at the end.
const TrainingFolder& trained() {
  static const Reference reference(
      {"pretrain.samples.every_steps=24", "pretrain.samples.max_tokens=20", "pretrain.samples.temperature=0"});
  return reference.folder();
}

ProgramResult generate(std::vector<std::string> arguments, const std::string& input = "") {
  arguments.insert(arguments.begin(), "generate");
  return run_llmtrain(arguments, {.directory = trained().path(), .environment = {}, .input = input});
}

std::vector<nlohmann::json> objects(const std::vector<std::string>& arguments, const std::string& input = "") {
  auto all = arguments;
  all.insert(all.end(), {"--json", "--model", "runs/r"});
  const auto result = generate(all, input);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return json_lines(result.out);
}

// The weights that were trained, through the folder and back: what training itself went on with.
TEST(GenerateCommand, GoesOnAsTheSamplesOfTrainingDid) {
  const auto samples = slurp(trained().stage() / "samples" / "step-24.txt");
  const auto result = generate({"p.yaml", "--prompt", "the ", "--temperature=0", "--max-tokens=20"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out + "\n", samples);
  EXPECT_THAT(result.err, HasSubstr("20 tokens in "));
}

TEST(GenerateCommand, PrintsAnObjectForEachSampleOfEachPrompt) {
  const auto lines = objects({"--prompts=-", "--num-samples=2", "--max-tokens=6", "--seed=5"},
                             "{\"prompt\": \"the cat\"}\n{\"prompt\": \"\"}\n");
  ASSERT_EQ(lines.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i].at("index"), i / 2);
    EXPECT_EQ(lines[i].at("sample"), i % 2);
    EXPECT_EQ(lines[i].at("prompt"), i < 2 ? "the cat" : "");
    EXPECT_EQ(lines[i].at("tokens"), 6);
    EXPECT_EQ(lines[i].at("text").get<std::string>().size(), 6U);
    EXPECT_EQ(lines[i].at("finish_reason"), "length");
    EXPECT_EQ(lines[i].at("seed"), 5);
  }
  EXPECT_NE(lines[0].at("text"), lines[1].at("text"));
  EXPECT_EQ(objects({"--prompts=-", "--num-samples=2", "--max-tokens=6", "--seed=5"},
                    "{\"prompt\": \"the cat\"}\n{\"prompt\": \"\"}\n"),
            lines);
}

TEST(GenerateCommand, EndsBeforeAStopString) {
  const auto whole =
      objects({"--prompt=the ", "--temperature=0", "--max-tokens=20"}).at(0).at("text").get<std::string>();
  const auto stop = whole.substr(5, 3);
  const auto cut = objects({"--prompt=the ", "--temperature=0", "--max-tokens=20", "--stop=" + stop}).at(0);
  EXPECT_EQ(cut.at("text"), whole.substr(0, whole.find(stop)));
  EXPECT_EQ(cut.at("finish_reason"), "stop");
  EXPECT_LT(cut.at("tokens"), 20);
}

// A context of 32.
TEST(GenerateCommand, RefusesAPromptBeyondTheContext) {
  const auto result = generate({"p.yaml", "--prompt", std::string(33, 'a')});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err,
              HasSubstr("--prompt: the prompt has 33 tokens, expected at most the 32 of the model's context"));
  const auto full = objects({"--prompt", std::string(32, 'a'), "--max-tokens=9"}).at(0);
  EXPECT_EQ(full.at("tokens"), 1);
}

TEST(GenerateCommand, TakesAWholeFileAsOnePrompt) {
  const TempDir folder;
  const auto file = folder.write("prompt.txt", "the cat\nsat");
  const auto result = generate({"p.yaml", "--prompt-file", file, "--max-tokens=1", "-q"});
  // The tiny corpus has no line feed.
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("U+000A"));
  folder.write("prompt.txt", "the cat ");
  const auto read = generate({"p.yaml", "--prompt-file", file, "--max-tokens=1", "-q"});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  EXPECT_THAT(read.out, StartsWith("the cat "));
  EXPECT_EQ(read.err, "");
}

TEST(GenerateCommand, RefusesAModelThatIsNotDone) {
  TrainingFolder folder;
  folder.stop_after(8);
  const auto result =
      run_llmtrain({"generate", "p.yaml"}, {.directory = folder.path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err,
              HasSubstr("runs/r/pretrain: is not done yet, so it has no model; try `llmtrain pretrain p.yaml`"));
}

// Far more texts than can be made in the time.
constexpr const char* kEndless = " generate p.yaml --json --prompt 'the ' --num-samples 200000 --max-tokens 8 -q";

TEST(GenerateCommand, StopsAtASignalWithWholeTexts) {
  const TempDir folder;
  const auto out = (folder / "out").string();
  const auto result =
      run_program({"/bin/bash", "-c",
                   std::string(LLMTRAIN_BINARY_DIR "/llmtrain") + kEndless + " > " + out + " & pid=$!; while [ ! -s " +
                       out + " ] && kill -0 $pid; do sleep 0.01; done; kill -INT $pid; wait $pid"},
                  {.directory = trained().path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped while generating: "));
  const auto text = slurp(out);
  EXPECT_THAT(text, EndsWith("\n"));
  EXPECT_GE(json_lines(text).size(), 1U);
}

TEST(GenerateCommand, EndsWhereTheReaderHasGone) {
  const auto result = run_program(
      {"/bin/bash", "-c", std::string("set -o pipefail; " LLMTRAIN_BINARY_DIR "/llmtrain") + kEndless + " | head -n 1"},
      {.directory = trained().path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json_lines(result.out).size(), 1U);
}

}  // namespace
}  // namespace llmtrain
