#include "lib/base/terminal.h"

#include <csignal>

#include <sys/ioctl.h>

#include "tests/support/terminal_double.h"

namespace llmtrain {
namespace {

const char* bar_or_not() { return terminal_takes_a_bar() ? "bar" : "no bar"; }

TEST(Terminal, TakesABarUnlessItIsDumb) {
  EXPECT_EQ(shown_on_terminal("xterm", "80", [] { write_stderr(bar_or_not()); }), "bar");
  EXPECT_EQ(shown_on_terminal("dumb", "80", [] { write_stderr(bar_or_not()); }), "no bar");
  EXPECT_EQ(shown_on_terminal("", "80", [] { write_stderr(bar_or_not()); }), "no bar");
}

TEST(Terminal, AsksTheTerminalForItsColumnsWhereTheEnvironmentNamesNone) {
  const auto columns = [] {
    const winsize size{.ws_row = 24, .ws_col = 57, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(STDERR_FILENO, TIOCSWINSZ, &size);
    write_stderr(std::to_string(terminal_columns()));
  };
  EXPECT_EQ(shown_on_terminal("xterm", "33", columns), "33");
  EXPECT_EQ(shown_on_terminal("xterm", "", columns), "57");
}

TEST(Terminal, OutlivesAStderrThatIsClosedOrBroken) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGPIPE, SIG_IGN);
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0) ::_exit(2);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    write_stderr("to nobody\n");
    ::close(STDERR_FILENO);
    write_stderr("to nowhere\n");
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace llmtrain
