#include <algorithm>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Front, SaysItsVersionAndItsCommands) {
  const auto version = run_llmtrain({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, testing::MatchesRegex("llmtrain [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  const auto help = run_llmtrain({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  for (const char* command : {"config", "tokenizer", "data", "model", "plan", "doctor", "completion"}) {
    EXPECT_THAT(help.out, HasSubstr(command));
  }
}

TEST(Front, RefusesAWrongCommandLineWithOneLineAndTwo) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"confg"},
                                                                     {"config"},
                                                                     {"config", "check"},
                                                                     {"config", "check", "a", "b"},
                                                                     {"config", "check", "--nope"}}) {
    const auto result = run_llmtrain(arguments);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, testing::StartsWith("llmtrain: error: "));
    EXPECT_THAT(result.err, HasSubstr("--help'"));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

// What bash offers after the words given.
std::string completions(const std::string& script, const std::string& words) {
  const std::string count = std::to_string(std::count(words.begin(), words.end(), ' '));
  std::string quoted;
  std::string word;
  for (const char c : words + ' ') {
    if (c != ' ') {
      word += c;
      continue;
    }
    quoted += "'" + word + "' ";
    word.clear();
  }
  const auto result = run_program({"/bin/bash", "-c",
                                   "source " + script + "; COMP_WORDS=(" + quoted + "); COMP_CWORD=" + count +
                                       "; _llmtrain; printf '%s\\n' \"${COMPREPLY[@]}\""});
  EXPECT_EQ(result.err, "");
  return result.out;
}

TEST(Completion, OffersCommandsAndOptionsAtTheirPlace) {
  const TempDir dir;
  const auto script = dir.write("completion.bash", run_llmtrain({"completion", "bash"}).out).string();
  EXPECT_EQ(completions(script, "llmtrain conf"), "config\n");
  EXPECT_THAT(completions(script, "llmtrain config "), HasSubstr("check\n"));
  EXPECT_EQ(completions(script, "llmtrain config check --se"), "--set\n");
  EXPECT_EQ(completions(script, "llmtrain config check file.ya"), "\n");  // bash falls back to file names
  EXPECT_THAT(completions(script, "llmtrain data "), Not(HasSubstr("check")));
}

}  // namespace
}  // namespace llmtrain
