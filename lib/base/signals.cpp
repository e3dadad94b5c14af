#include "lib/base/signals.h"

#include <atomic>
#include <string_view>

#include <signal.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// A signal handler has no argument to carry state: these two flags are the only mutable globals.
std::atomic<int> g_stop_signal{0};
std::atomic<bool> g_save_requested{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_stop(int signal_number) {
  int none = 0;
  if (g_stop_signal.compare_exchange_strong(none, signal_number)) return;
  constexpr std::string_view kMessage = "\nllmtrain: stopped at the second signal\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(static_cast<int>(ExitCode::kRequeue));
}

void on_save(int) { g_save_requested.store(true); }

void handle(int signal_number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ENSURE(::sigaction(signal_number, &action, nullptr) == 0, signal_number);
}

// Those with a handler.
sigset_t handled_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, number);
  return signals;
}

}  // namespace

void install_signal_handlers() {
  for (const int stop : {SIGTERM, SIGINT, SIGUSR1}) handle(stop, on_stop);
  handle(SIGUSR2, on_save);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);
  handle(SIGHUP, SIG_IGN);
  const auto signals = handled_signals();
  ENSURE(::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr) == 0);
}

void hold_signals() {
  const auto signals = handled_signals();
  ENSURE(::pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0);
}

bool stop_requested() { return g_stop_signal.load(std::memory_order_relaxed) != 0; }

void stop_point(const char* what) {
  if (stop_requested()) throw stopped_error("stopped {} on request; run the same command again to go on", what);
}

bool take_save_request() { return g_save_requested.exchange(false); }

int stop_signal() { return g_stop_signal.load(); }

void reset_signal_flags() {
  g_stop_signal.store(0);
  g_save_requested.store(false);
}

}  // namespace llmtrain
