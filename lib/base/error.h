#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace llmtrain {

// What the shell sees. 126 and above belong to the shell and to signals.
enum class ExitCode : int {
  kDone = 0,           // finished, or was finished already
  kUsage = 2,          // command line or pipeline file
  kInput = 3,          // model, tokenizer or data file
  kNumerical = 4,      // training stopped on non-finite numbers
  kStorage = 5,        // disk full, no rights, failed write
  kResumeRefused = 6,  // the saved state does not fit this run
  kLocked = 7,         // another process runs in this folder
  kOutOfMemory = 8,
  kPeerLost = 9,
  kInternal = 70,  // our mistake
  kRequeue = 75,   // stopped on request, state saved: run me again
};

// One thing the user can mend. `message` is one line: "FILE:LINE:COL: what, expected X, got Y; try Z"; `context`, where
// there is any, is printed under it as it stands (a source line and a caret).
struct Fault {
  std::string message;
  std::string context;
};

// The one exception for what the user can mend. May carry several faults; all are reported.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, std::string message) : Error(code, std::vector<Fault>{{std::move(message), ""}}) {}
  // faults: at least one.
  Error(ExitCode code, std::vector<Fault> faults);

  ExitCode code() const { return code_; }
  const std::vector<Fault>& faults() const { return faults_; }

 private:
  ExitCode code_;
  std::vector<Fault> faults_;
};

// A mistake of ours: reported with exit code 70 and a request to report it.
class InternalError : public std::logic_error {
  using std::logic_error::logic_error;
};

template <class... Args>
Error config_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::kUsage, fmt::format(format, std::forward<Args>(args)...)};
}
template <class... Args>
Error input_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::kInput, fmt::format(format, std::forward<Args>(args)...)};
}
template <class... Args>
Error storage_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::kStorage, fmt::format(format, std::forward<Args>(args)...)};
}
template <class... Args>
Error resume_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::kResumeRefused, fmt::format(format, std::forward<Args>(args)...)};
}
// Work ended because a signal asked for it; see signals.h.
template <class... Args>
Error stopped_error(fmt::format_string<Args...> format, Args&&... args) {
  return {ExitCode::kRequeue, fmt::format(format, std::forward<Args>(args)...)};
}

[[noreturn]] void throw_internal_error(const char* file, int line, const char* condition, const std::string& values);

}  // namespace llmtrain

namespace llmtrain::detail {
template <class... Values>
std::string join_values(const Values&... values) {
  const std::vector<std::string> texts = {fmt::format("{}", values)...};
  return fmt::format("{}", fmt::join(texts, ", "));
}
}  // namespace llmtrain::detail

// Checks an invariant of ours in every build; the values go into the message: ENSURE(rows > 0, rows, columns).
#define ENSURE(condition, ...)                                                                                        \
  do {                                                                                                                \
    if (!(condition)) {                                                                                               \
      ::llmtrain::throw_internal_error(__FILE__, __LINE__, #condition, ::llmtrain::detail::join_values(__VA_ARGS__)); \
    }                                                                                                                 \
  } while (false)
