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
  for (const char* command :
       {"pretrain", "config", "tokenizer", "data", "model", "plan", "report", "doctor", "completion"}) {
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

TEST(Front, SuggestsTheCommandThatWasMeant) {
  EXPECT_EQ(run_llmtrain({"confg", "check", "a"}).err,
            "llmtrain: error: unknown command 'confg'; did you mean 'config'?; try 'llmtrain --help'\n");
  EXPECT_EQ(run_llmtrain({"data", "prepair", "a"}).err,
            "llmtrain: error: unknown command 'prepair'; did you mean 'prepare'?; try 'llmtrain data --help'\n");
  EXPECT_EQ(run_llmtrain({"zzzzzz"}).err, "llmtrain: error: unknown command 'zzzzzz'; try 'llmtrain --help'\n");
}

TEST(Front, SaysThatAFullDiskTookNoResult) {
  for (const std::string command : {"--help", "--version", "config schema", "completion bash", "model presets"}) {
    const auto result =
        run_program({"/bin/sh", "-c", "exec " LLMTRAIN_BINARY_DIR "/llmtrain " + command + " > /dev/full"});
    EXPECT_EQ(result.exit_code, 5) << command;
    EXPECT_THAT(result.err, HasSubstr("stdout: cannot write")) << command;
  }
}

TEST(Front, LeavesQuietlyWhereTheReaderHasGone) {
  const auto result = run_program(
      {"/bin/bash", "-c", "set -o pipefail; " LLMTRAIN_BINARY_DIR "/llmtrain config schema | head -c 10 >/dev/null"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

TEST(Front, StopsWaitingForStdinAtTheFirstSignal) {
  const TempDir dir;
  const auto corpus = dir.write("a.txt", "a few words to learn from").string();
  const auto folder = (dir / "tokenizer").string();
  ASSERT_EQ(run_llmtrain({"tokenizer", "train", "--data", corpus, "--vocab-size", "260", "--output", folder}).exit_code,
            0);
  // A pipe that is open for writing here never ends.
  const auto result = run_program({"/bin/bash", "-c",
                                   "mkfifo pipe; exec 3<>pipe; timeout --preserve-status -s TERM 1 " LLMTRAIN_BINARY_DIR
                                   "/llmtrain tokenizer encode --tokenizer " +
                                       folder + " <&3"},
                                  {.directory = dir.path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 75) << result.err;
}

TEST(Front, NamesAFolderThatMayNotBeLookedInto) {
  const TempDir dir;
  const auto path = std::string(300, 'x');
  const auto result = run_llmtrain({"tokenizer", "info", path});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_THAT(result.err, HasSubstr("File name too long"));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // these reserve address space without end
TEST(Front, SaysOutOfMemoryWithItsOwnCode) {
  const TempDir dir;
  const auto corpus = dir.write("a.txt", "a few words to learn from").string();
  const auto folder = (dir / "tokenizer").string();
  const auto learnt = run_llmtrain({"tokenizer", "train", "--data", corpus, "--vocab-size", "260", "--output", folder});
  ASSERT_EQ(learnt.exit_code, 0) << learnt.err;
  ProgramOptions options;
  options.input.assign(std::size_t{100} << 20, ' ');
  const auto result =
      run_program({"/bin/sh", "-c",
                   "ulimit -v 100000; exec " LLMTRAIN_BINARY_DIR "/llmtrain tokenizer encode --tokenizer " + folder},
                  options);
  EXPECT_EQ(result.exit_code, 8) << result.err;
  EXPECT_EQ(result.err, "llmtrain: error: out of memory\n");
}
#endif

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
