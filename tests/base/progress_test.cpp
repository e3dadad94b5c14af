#include "lib/base/progress.h"

#include <stdexcept>
#include <thread>

#include "tests/support/terminal_double.h"

namespace llmtrain {
namespace {

using std::chrono::milliseconds;

void work_for_a_while() {
  Progress progress("counting", 100, "items");
  for (int i = 0; i < 13; ++i) {
    progress.add(7);
    std::this_thread::sleep_for(milliseconds(100));
  }
  progress.finish();
}

TEST(Progress, RedrawsABarOnATerminal) {
  const auto shown = shown_on_terminal("xterm", "100", work_for_a_while);
  EXPECT_NE(shown.find("\r\x1b[K"), std::string::npos);
  EXPECT_NE(shown.find('#'), std::string::npos) << shown;  // not a UTF-8 locale
  EXPECT_NE(shown.find("llmtrain: counting: 91 items in 1."), std::string::npos) << shown;
}

TEST(Progress, FitsIntoTheColumns) {
  const auto shown = shown_on_terminal("xterm", "30", work_for_a_while);
  std::size_t start = shown.find("\x1b[K");
  ASSERT_NE(start, std::string::npos);
  start += 3;
  EXPECT_LT(shown.find('\r', start) - start, 30U) << shown;
}

TEST(Progress, WritesWholeLinesWithoutEscapesOnADumbTerminal) {
  const auto shown = shown_on_terminal("dumb", "80", work_for_a_while);
  EXPECT_EQ(shown.find('\x1b'), std::string::npos);
  EXPECT_EQ(shown.substr(0, 35), "llmtrain: counting: 91 items in 1.3") << shown;
}

TEST(Progress, IsSilentWhenOff) {
  const auto shown = shown_on_terminal("xterm", "80", [] {
    Progress progress("counting", 10, "items", ProgressMode::kOff);
    progress.add(10);
    progress.finish();
  });
  EXPECT_EQ(shown, "");
}

TEST(Progress, TakesTheBarAwayWhereTheWorkFails) {
  const auto shown = shown_on_terminal("xterm", "80", [] {
    try {
      Progress progress("counting", 100, "items");
      for (int i = 0; i < 12; ++i) {
        progress.add(1);
        std::this_thread::sleep_for(milliseconds(100));
      }
      throw std::runtime_error("broken");
    } catch (const std::runtime_error&) {
    }
  });
  ASSERT_GE(shown.size(), 4U);
  EXPECT_EQ(shown.substr(shown.size() - 4), "\r\x1b[K");
}

}  // namespace
}  // namespace llmtrain
