#include <set>
#include <sstream>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"
#include "tests/support/terminal_double.h"

// What a run says, and where: to a file as a batch system has it, to a program, to a terminal.
namespace llmtrain {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// What a terminal of this kind and width gets to see of a run.
std::string shown_run(const TrainingFolder& run, const char* term, const char* columns,
                      const std::vector<std::string>& options = {}) {
  return shown_on_terminal(term, columns, [&] {
    std::vector<std::string> words = {LLMTRAIN_BINARY_DIR "/llmtrain", "pretrain", "p.yaml"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::setenv("LC_ALL", "C.UTF-8", 1);
    if (::chdir(run.path().c_str()) == 0) ::execv(argv[0], argv.data());
    ::_exit(127);
  });
}

TEST(ConsoleOfARun, InABatchLogIsWholePlainLines) {
  const TrainingFolder run;
  // What a login shell may have left in the environment changes nothing: stderr is no terminal.
  const auto result = run.run(
      {.environment = {{"TERM", "xterm-256color"}, {"COLUMNS", "20"}, {"CLICOLOR_FORCE", "1"}, {"LC_ALL", "C.UTF-8"}}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err.find_first_of("\r\x1b"), std::string::npos) << result.err;
  EXPECT_TRUE(result.err.ends_with("\n"));
  const auto lines = lines_of(result.err);
  EXPECT_THAT(lines, Each(AnyOf(StartsWith("llmtrain: "), StartsWith("pretrain step "), StartsWith("  | "))));
  EXPECT_THAT(lines, Contains(testing::AllOf(StartsWith("pretrain step 24/24 100% | loss "), HasSubstr(" | val "),
                                             HasSubstr(" | lr "), HasSubstr(" | gnorm "), HasSubstr(" tok/s | MFU "),
                                             HasSubstr(" | mem "), HasSubstr(" | eta "))));
  EXPECT_EQ(result.out, "") << "stdout is for results that a program reads";
}

TEST(ConsoleOfARun, ForAProgramIsOneJsonObjectALine) {
  const TrainingFolder run;
  const auto result = run.run({.arguments = {"--log-format", "json", "--progress", "on"}});
  EXPECT_EQ(result.exit_code, 0);
  std::set<std::string> events;
  for (const auto& line : json_lines(result.err)) events.insert(line.at("event").get<std::string>());
  EXPECT_THAT(events, testing::IsSupersetOf({"step", "message", "sample"}));
  EXPECT_EQ(json_lines(result.err).size(), lines_of(result.err).size());
}

TEST(ConsoleOfARun, ForAProgramIsJsonToTheErrorThatEndsIt) {
  TrainingFolder run;
  run.stop_after(8);
  run.set("pretrain.optim.lr=1e-3");
  const auto refused = run.run({.arguments = {"--log-format", "json"}});
  EXPECT_EQ(refused.exit_code, 6);
  const auto lines = json_lines(refused.err);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back().at("event"), "error");
  EXPECT_EQ(lines.back().at("code"), 6);
  EXPECT_THAT(lines.back().at("text").get<std::string>(), HasSubstr("'pretrain.optim.lr' was"));
}

TEST(ConsoleOfARun, QuietSaysNothing) {
  const TrainingFolder run;
  const auto result = run.run({.arguments = {"--quiet"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err + result.out, "");
  EXPECT_THAT(slurp(run.stage() / "train.log"), HasSubstr("done: all steps taken"));
}

TEST(ConsoleOfARun, OnATerminalIsALineThatIsRedrawnWithinItsColumns) {
  const TrainingFolder run;
  const auto shown = shown_run(run, "xterm", "40");
  constexpr std::string_view kTakeAway = "\r\x1b[K";
  std::vector<std::string> status_lines;
  for (std::size_t at = 0; (at = shown.find(kTakeAway, at)) != std::string::npos;) {
    at += kTakeAway.size();
    const auto piece = shown.substr(at, shown.find_first_of("\r", at) - at);
    if (!piece.starts_with("llmtrain: ") && !piece.starts_with("  | ")) status_lines.push_back(piece);
  }
  ASSERT_FALSE(status_lines.empty()) << shown;
  for (const auto& line : status_lines) EXPECT_LT(line.size(), 40U) << line;
  EXPECT_THAT(status_lines.back(), StartsWith("24/24 100% | loss "));
  EXPECT_TRUE(shown.ends_with("\r\n")) << "a prompt comes on a line of its own";
  EXPECT_THAT(shown, HasSubstr("llmtrain: done: all steps taken"));
}

TEST(ConsoleOfARun, OnADumbTerminalIsPlainLines) {
  const TrainingFolder run;
  const auto shown = shown_run(run, "dumb", "40");
  EXPECT_EQ(shown.find('\x1b'), std::string::npos) << shown;
  EXPECT_THAT(lines_of(shown), Each(testing::EndsWith("\r"))) << "the terminal's own, before each newline";
  EXPECT_THAT(shown, HasSubstr("pretrain step 24/24 100% | loss "));
}

TEST(ConsoleOfARun, WithoutProgressOnATerminalIsMessagesAlone) {
  const TrainingFolder run;
  const auto shown = shown_run(run, "xterm", "80", {"--progress", "off"});
  EXPECT_EQ(shown.find('\x1b'), std::string::npos) << shown;
  EXPECT_THAT(shown, Not(HasSubstr("pretrain step ")));
  EXPECT_THAT(shown, HasSubstr("llmtrain: done: all steps taken"));
}

}  // namespace
}  // namespace llmtrain
