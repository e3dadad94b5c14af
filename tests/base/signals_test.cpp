#include "lib/base/signals.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

// Runs `work` in a child process and returns its exit code, or 128 + the signal that ended it.
template <class Work>
int exit_code_in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    install_signal_handlers();
    ::_exit(work());
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Signals, TheFirstAsksForAStopAndLetsWorkGoOn) {
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    EXPECT_EQ(exit_code_in_child([number] {
                if (stop_requested()) return 1;
                ::raise(number);
                return stop_requested() && stop_signal() == number ? 0 : 2;
              }),
              0);
  }
}

TEST(Signals, TheSecondLeavesAtOnceWithRequeue) {
  EXPECT_EQ(exit_code_in_child([] {
              const int sink = ::dup(STDERR_FILENO);
              ::close(STDERR_FILENO);
              ::raise(SIGTERM);
              ::raise(SIGINT);
              return sink;
            }),
            75);
}

TEST(Signals, Usr2AsksForASaveOnce) {
  EXPECT_EQ(exit_code_in_child([] {
              ::raise(SIGUSR2);
              const bool first = take_save_request();
              return first && !take_save_request() && !stop_requested() ? 0 : 1;
            }),
            0);
}

TEST(Signals, AWriteToAClosedPipeFailsInsteadOfKilling) {
  EXPECT_EQ(exit_code_in_child([] {
              int ends[2];
              if (::pipe(ends) != 0) return 1;
              ::close(ends[0]);
              return ::write(ends[1], "x", 1) == -1 && errno == EPIPE ? 0 : 2;
            }),
            0);
}

TEST(StopPoint, SaysWhatWasStopped) {
  EXPECT_EQ(exit_code_in_child([] {
              stop_point("nothing");
              ::raise(SIGTERM);
              try {
                stop_point("tokenizing a.txt");
              } catch (const Error& error) {
                const std::string text = error.what();
                return error.code() == ExitCode::kRequeue && text.find("tokenizing a.txt") != std::string::npos ? 0 : 1;
              }
              return 2;
            }),
            0);
}

}  // namespace
}  // namespace llmtrain
