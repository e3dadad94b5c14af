#include "lib/metrics/console.h"

#include <clocale>
#include <thread>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/metrics/fault_double.h"
#include "tests/support/terminal_double.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = text.find('\n', start)) != std::string::npos; start = end + 1) {
    lines.push_back(text.substr(start, end - start));
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

StepStatus at_step(std::int64_t step, double loss = 2.5) {
  return {.step = step, .loss = loss, .lr = 1e-3, .grad_norm = 1.0, .tokens_per_second = 1000.0};
}

// Runs `steps` steps of the given length and returns the numbers of those that a line was written for.
std::vector<std::int64_t> steps_shown(std::int64_t every_steps, milliseconds step_time, std::int64_t steps) {
  std::chrono::steady_clock::time_point time{};
  CaptureStderr();
  {
    Console console({.mode = ProgressMode::kLines, .every_steps = every_steps, .now = [&] { return time; }});
    for (std::int64_t step = 1; step <= steps; ++step) {
      time += step_time;
      auto status = at_step(step);
      status.total_steps = steps;
      console.step(status);
    }
  }
  std::vector<std::int64_t> shown;
  for (const auto& line : lines_of(GetCapturedStderr())) {
    EXPECT_THAT(line, StartsWith("step "));
    shown.push_back(std::stoll(line.substr(5)));
  }
  return shown;
}

TEST(Console, WritesALineEveryFewStepsAndAtBothEnds) {
  EXPECT_THAT(steps_shown(10, seconds(2), 35), ElementsAre(1, 10, 20, 30, 35));
}

TEST(Console, WritesAtMostOneLineASecond) {
  EXPECT_THAT(steps_shown(10, milliseconds(40), 100), ElementsAre(1, 30, 60, 90, 100));
}

TEST(Console, WritesAtLeastOneLineAMinute) { EXPECT_THAT(steps_shown(1000, seconds(25), 8), ElementsAre(1, 4, 7, 8)); }

TEST(Console, WritesWholePlainLinesWithoutATerminal) {
  CaptureStderr();
  {
    Console console({.label = "pretrain", .total_steps = 40, .every_steps = 1});
    console.step(at_step(10));
    console.message("saved \x1b[31mstep-10");
  }
  const auto shown = GetCapturedStderr();
  EXPECT_EQ(shown,
            "pretrain step 10/40 25% | loss 2.500 - | lr 1.0e-3 | gnorm 1.00 | 1.00k tok/s | MFU - | eta -\n"
            "llmtrain: saved \\x1b[31mstep-10\n");
}

TEST(Console, ShowsTheTrendOfTheLoss) {
  std::chrono::steady_clock::time_point time{};
  CaptureStderr();
  Console console({.mode = ProgressMode::kLines, .every_steps = 1, .now = [&] { return time += seconds(2); }});
  for (const double loss : {8.0, 6.0, 1.0}) console.step(at_step(1, loss));
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("loss 1.000 #+_ |"));
}

TEST(Console, SaysEachWarningOnce) {
  CaptureStderr();
  Console console({});
  for (int i = 0; i < 3; ++i) console.warning("slow disk");
  console.warning("hot processor");
  EXPECT_EQ(GetCapturedStderr(), "llmtrain: warning: slow disk\nllmtrain: warning: hot processor\n");
}

TEST(Console, SetsSamplesOffAndEscapesThem) {
  CaptureStderr();
  Console console({});
  console.sample("Once\n\nupon a\x1b[2J time\nllmtrain: error: no\n");
  EXPECT_EQ(GetCapturedStderr(), "  | Once\n  | \n  | upon a\\x1b[2J time\n  | llmtrain: error: no\n");
}

TEST(Console, IsQuietButForWarnings) {
  CaptureStderr();
  Console console({.quiet = true, .every_steps = 1});
  console.step(at_step(1));
  console.message("one");
  console.sample("two");
  console.log().info("three");
  console.log().warn("four");
  EXPECT_EQ(GetCapturedStderr(), "llmtrain: warning: four\n");
}

TEST(Console, WithProgressOffShowsNoSteps) {
  CaptureStderr();
  Console console({.mode = ProgressMode::kOff, .every_steps = 1});
  console.step(at_step(1));
  console.message("one");
  EXPECT_EQ(GetCapturedStderr(), "llmtrain: one\n");
}

TEST(Console, WritesOneJsonObjectALine) {
  CaptureStderr();
  {
    Console console({.format = ConsoleFormat::kJson, .mode = ProgressMode::kBar, .label = "sft", .total_steps = 9});
    console.step(at_step(3));
    console.message("two\nlines");
    console.warning("ä\x1b");
    console.sample("text");
  }
  const auto lines = lines_of(GetCapturedStderr());
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], R"({"event":"step","stage":"sft","step":3,"total_steps":9,"loss":2.5,"lr":0.001,"grad_norm":1.0,)"
                      R"("tokens_per_second":1000.0,"skipped":0})");
  EXPECT_EQ(lines[1], R"({"event":"message","stage":"sft","text":"two\nlines"})");
  EXPECT_EQ(lines[2], R"({"event":"warning","stage":"sft","text":"\u00e4\u001b"})");
  EXPECT_EQ(lines[3], R"({"event":"sample","stage":"sft","text":"text"})");
}

TEST(Console, TellsTheRunLogEverythingEvenWhereQuiet) {
  const TempDir folder;
  CaptureStderr();
  {
    Console console({.quiet = true, .label = "pretrain", .total_steps = 2, .every_steps = 1},
                    RunLog(folder / "train.log", [] { return 0.0; }));
    console.step(at_step(1));
    console.message("saved");
    console.warning("slow");
    console.warning("slow");
    console.sample("a\nb");
  }
  EXPECT_EQ(GetCapturedStderr(), "llmtrain: warning: slow\n");
  EXPECT_THAT(lines_of(slurp(folder / "train.log")),
              ElementsAre(StartsWith("1970-01-01T00:00:00Z step 1/2 50% | loss 2.500 ▄ | lr 1.0e-3"),
                          "1970-01-01T00:00:00Z saved", "1970-01-01T00:00:00Z warning: slow",
                          "1970-01-01T00:00:00Z sample: a\\nb"));
}

TEST(Console, WarnsOnceOfARunLogThatCannotBeWritten) {
  const TempDir folder;
  Console console({.quiet = true}, RunLog(folder / "train.log"));
  CaptureStderr();  // before the disk is full: it is captured in a file
  {
    // The captured text must stay below what fits; the long message must not.
    const FullDisk full(400);
    console.message(std::string(500, 'x'));
    console.message(std::string(500, 'y'));
  }
  EXPECT_THAT(lines_of(GetCapturedStderr()), ElementsAre(HasSubstr("train.log: cannot write: File too large")));
}

// What stands on the screen: pieces between "take the line away" marks, by columns.
std::vector<std::string> drawn_pieces(const std::string& shown) {
  constexpr std::string_view kTakeAway = "\r\x1b[K";
  std::vector<std::string> pieces;
  std::size_t start = 0;
  for (std::size_t end = 0; (end = shown.find(kTakeAway, start)) != std::string::npos; start = end + kTakeAway.size()) {
    pieces.push_back(shown.substr(start, end - start));
  }
  pieces.push_back(shown.substr(start));
  return pieces;
}

TEST(Console, OnATerminalTakesTheStatusLineAwayBeforeAMessage) {
  const auto shown = shown_on_terminal("xterm", "60", [] {
    std::chrono::steady_clock::time_point time{};
    Console console({.total_steps = 4, .now = [&] { return time += seconds(1); }});
    console.step(at_step(1));
    console.message("saved");
    console.step(at_step(2));
    console.log().warn("slow");
  });
  EXPECT_THAT(drawn_pieces(shown),
              ElementsAre("", StartsWith("step 1/4 25% | loss 2.500"), "llmtrain: saved\r\n", StartsWith("step 1/4"),
                          StartsWith("step 2/4"), "llmtrain: warning: slow\r\n", StartsWith("step 2/4"),
                          testing::AllOf(StartsWith("step 2/4"), testing::EndsWith("\r\n"))));
}

TEST(Console, OnATerminalIsNeverWiderThanIt) {
  for (const char* columns : {"200", "80", "40", "12", "2"}) {
    const auto shown = shown_on_terminal("xterm", columns, [] {
      std::chrono::steady_clock::time_point time{};
      Console console({.label = "pretrain", .total_steps = 4000, .now = [&] { return time += seconds(1); }});
      for (int step = 1; step < 20; ++step) console.step(at_step(step));
    });
    for (const auto& piece : drawn_pieces(shown)) {
      EXPECT_LT(lines_of(piece + "\n").front().size(), std::stoul(columns) + (piece.ends_with("\r\n") ? 1 : 0))
          << piece;
    }
  }
}

TEST(Console, OnATerminalRedrawsTenTimesASecondAtMost) {
  const auto shown = shown_on_terminal("xterm", "80", [] {
    std::chrono::steady_clock::time_point time{};
    Console console({.now = [&] { return time; }});
    for (int step = 0; step <= 100; ++step) {
      console.step(at_step(step));
      time += milliseconds(10);
    }
  });
  EXPECT_EQ(drawn_pieces(shown).size(), 1U + 11U + 1U);  // nothing, 0.0 s to 1.0 s, the end
}

TEST(Console, OnADumbTerminalWritesPlainLines) {
  const auto shown = shown_on_terminal("dumb", "80", [] {
    Console console({.every_steps = 1});
    console.step(at_step(1));
  });
  EXPECT_EQ(shown.find('\x1b'), std::string::npos) << shown;
  EXPECT_THAT(shown, StartsWith("step 1 | loss 2.500"));
}

TEST(Console, DrawsBlocksInAUtf8Locale) {
  const auto shown = shown_on_terminal("xterm", "200", [] {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    Console console({});
    console.step(at_step(1));
  });
  EXPECT_THAT(shown, HasSubstr("loss 2.500 ▄ |"));
}

// Wider than the terminal in columns, which only a status line must not be.
TEST(Console, OnATerminalShowsWideCharactersWhole) {
  const auto shown = shown_on_terminal("xterm", "20", [] {
    std::setlocale(LC_CTYPE, "C.UTF-8");
    Console console({.total_steps = 4});
    console.step(at_step(1));
    console.sample("햇살마을의 지붕은 보라색이에요.");
  });
  EXPECT_THAT(drawn_pieces(shown), testing::Contains("  | 햇살마을의 지붕은 보라색이에요.\r\n"));
}

// No colour, with or without NO_COLOR: the one escape takes the line away.
TEST(Console, OnATerminalNeverSetsAColour) {
  auto shown = shown_on_terminal("xterm-256color", "80", [] {
    ::unsetenv("NO_COLOR");
    ::setenv("CLICOLOR_FORCE", "1", 1);
    Console console({.total_steps = 4});
    console.step(at_step(1));
    console.warning("slow");
    console.sample("text");
  });
  std::string rest;
  for (const auto& piece : drawn_pieces(shown)) rest += piece;
  EXPECT_EQ(rest.find('\x1b'), std::string::npos) << rest;
}

TEST(Console, OutlivesAStderrThatIsClosedOrBroken) {
  const TempDir folder;
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGPIPE, SIG_IGN);
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) ::_exit(2);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    {
      Console console({.mode = ProgressMode::kBar}, RunLog(folder / "train.log"));
      console.step(at_step(1));
      console.message("first");
      ::close(STDERR_FILENO);
      console.message("second");
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(lines_of(slurp(folder / "train.log")),
              ElementsAre(HasSubstr(" step 1 |"), HasSubstr(" first"), HasSubstr(" second")));
}

TEST(Console, IsSafeFromSeveralThreads) {
  CaptureStderr();
  {
    Console console({});
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) console.warning(std::to_string(i));
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const auto lines = lines_of(GetCapturedStderr());
  EXPECT_EQ(lines.size(), 500U);  // each once
  EXPECT_THAT(lines, testing::Each(StartsWith("llmtrain: warning: ")));
}

}  // namespace
}  // namespace llmtrain
