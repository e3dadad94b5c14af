#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// `llmtrain eval` of a model that `llmtrain pretrain` made.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// One run for all.
const TrainingFolder& trained() {
  static const Reference reference;
  return reference.folder();
}

ProgramResult evaluate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "eval");
  return run_llmtrain(arguments, {.directory = trained().path(), .environment = {}, .input = ""});
}

nlohmann::json report_of(std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto result = evaluate(std::move(arguments));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out, nullptr, false);
}

double value_of(const nlohmann::json& task, const char* metric) {
  return task.at("metrics").at(metric).at("value").get<double>();
}

// What training wrote of its last evaluation.
nlohmann::json last_evaluation() {
  nlohmann::json last;
  for (const auto& line : json_lines(slurp(trained().stage() / "metrics.jsonl"))) {
    if (line.value("split", "") == "validation") last = line;
  }
  return last;
}

TEST(Eval, GivesTheHeldOutLossThatTrainingMeasured) {
  const auto report = report_of({"p.yaml"});
  EXPECT_EQ(report.at("model"), "runs/r/pretrain/model");
  EXPECT_EQ(report.at("precision"), "fp32");
  ASSERT_EQ(report.at("tasks").size(), 1U);
  const auto& task = report["tasks"][0];
  EXPECT_EQ(task.at("kind"), "held_out");
  const auto measured = last_evaluation();
  EXPECT_NEAR(value_of(task, "loss"), measured.at("loss").get<double>(), 1e-4) << measured;
  EXPECT_NEAR(value_of(task, "bits_per_byte"), measured.at("bits_per_byte").get<double>(), 1e-4) << measured;
}

TEST(Eval, TakesAnyModelFolderAndFilesOfTheCommandLine) {
  const TempDir elsewhere;
  fs::copy(trained().stage() / "model", elsewhere / "m", fs::copy_options::recursive);
  elsewhere.write("q.jsonl",
                  "{\"prompt\": \"the old cat\", \"choices\": [\"sat\", \"tas\"], \"answer\": 0}\n"
                  "{\"prompt\": \"red house\", \"choices\": [\"nus\", \"sun\"], \"answer\": 1}\n");
  elsewhere.write("t.txt", "the dog saw the moon ");
  const auto report = report_of(
      {"--model", (elsewhere / "m").string(), "--task", "multiple_choice=" + (elsewhere / "q.jsonl").string(), "--task",
       "perplexity=" + (elsewhere / "t.txt").string(), "--output", (elsewhere / "out.json").string()});
  ASSERT_EQ(report.at("tasks").size(), 2U);
  EXPECT_EQ(report["tasks"][0].at("kind"), "perplexity");
  EXPECT_EQ(report["tasks"][0].at("facts").at("documents"), 1);
  EXPECT_EQ(report["tasks"][1].at("name"), "q");
  EXPECT_EQ(report["tasks"][1].at("facts").at("questions"), 2);
  EXPECT_EQ(nlohmann::json::parse(slurp(elsewhere / "out.json")), report);
  EXPECT_EQ(report.at("model_sha256").get<std::string>().size(), 64U);
}

TEST(Eval, TakesTheTasksOfThePipeline) {
  trained();
  const TempDir elsewhere;
  const auto path = elsewhere.write("m.jsonl", "{\"prompt\": \"the cat \", \"answer\": \"sat\"}\n");
  const auto eval = fmt::format("eval={{held_out: false, exact_match: [{{path: {}, max_tokens: 8}}]}}", path.string());
  const auto report = report_of({"p.yaml", "--set", eval});
  ASSERT_EQ(report.at("tasks").size(), 1U);
  EXPECT_EQ(report["tasks"][0].at("kind"), "exact_match");
  EXPECT_EQ(report["tasks"][0].at("facts").at("questions"), 1);
}

TEST(Eval, PrintsATable) {
  const auto result = evaluate({"p.yaml"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("runs/r/pretrain/model ("));
  EXPECT_THAT(result.out, HasSubstr("\nheld-out  loss "));
}

TEST(Eval, NamesTheLineOfABadQuestionAndSaysWhatToDoWithoutATask) {
  trained();
  const TempDir elsewhere;
  const auto path = elsewhere.write("q.jsonl", "{\"prompt\": \"a\", \"choices\": [\"b\", \"c\"], \"answer\": 2}\n");
  const auto bad = evaluate({"p.yaml", "--task", "multiple_choice=" + path.string()});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr(path.string() + ":1: answer: expected the index of one of 2 choices"));
  const auto none = evaluate({"p.yaml", "--set", "eval.held_out=false"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("p.yaml: nothing to evaluate"));
}

TEST(Eval, SaysBeforeTheWorkThatTheResultCannotBeWritten) {
  const auto result = evaluate({"p.yaml", "--output", "/nowhere/out.json"});
  EXPECT_EQ(result.exit_code, 5);
  EXPECT_THAT(result.err, HasSubstr("/nowhere/out.json"));
  EXPECT_EQ(result.out, "");
}

TEST(Eval, RefusesHeldOutRowsLongerThanTheModel) {
  trained();
  const auto result = evaluate({"p.yaml", "--set", "model.context=64", "--set", "pretrain.sequence_length=64", "--set",
                                "pretrain.batch_tokens=128"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("held-out rows have 64 tokens, expected at most the 32"));
}

// FAULTS, row 5: a signal in any phase.
TEST(Eval, StopsOnASignal) {
  trained();
  const TempDir elsewhere;
  std::string text;
  for (int i = 0; i < 3000000; ++i) text += "the old cat sat ";
  const auto path = elsewhere.write("t.txt", text);
  const auto result = run_program({"/usr/bin/timeout", "-s", "TERM", "2", LLMTRAIN_BINARY_DIR "/llmtrain", "eval",
                                   "p.yaml", "--task", "perplexity=" + path.string(), "--set", "run.threads=1"},
                                  {.directory = trained().path(), .environment = {}, .input = ""});
  // timeout says 124 whatever the program says; that it ended by itself, and how, is in the message.
  EXPECT_EQ(result.exit_code, 124) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped while evaluating"));
  EXPECT_EQ(result.out, "");
}

}  // namespace
}  // namespace llmtrain
