#pragma once
#include <clocale>
#include <cstdlib>
#include <string>

#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llmtrain {

// What a child process that runs `work` on a terminal of its own shows there. Not a UTF-8 locale unless `work` sets
// one.
template <class Work>
std::string shown_on_terminal(const char* term, const char* column_count, Work&& work) {
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  if (child == 0) {
    ::setenv("TERM", term, 1);
    ::setenv("COLUMNS", column_count, 1);
    std::setlocale(LC_CTYPE, "C");
    work();
    ::_exit(0);
  }
  std::string shown;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(terminal, buffer, sizeof(buffer))) > 0;) {
    shown.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(terminal);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  return shown;
}

}  // namespace llmtrain
