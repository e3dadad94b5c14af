#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace llmtrain {

enum class LogLevel { kQuiet, kNormal };
enum class LogKind { kInfo, kWarning };

// Where the words go: everything but machine results goes to stderr, one whole line a call, control bytes escaped.
class Log {
 public:
  // Takes a line that would go to stderr, as it was given: the console's, which has a status line to take away first.
  using Sink = std::function<void(LogKind kind, std::string_view text)>;

  explicit Log(LogLevel level = LogLevel::kNormal) : level_(level) {}
  // Every line, quiet or not, goes to the sink alone.
  Log(LogLevel level, Sink sink) : level_(level), sink_(std::move(sink)) {}

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (sink_ || level_ == LogLevel::kNormal) line(LogKind::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    line(LogKind::kWarning, fmt::format(format, std::forward<Args>(args)...));
  }
  bool quiet() const { return level_ == LogLevel::kQuiet; }

 private:
  void line(LogKind kind, std::string_view text) const;

  LogLevel level_;
  Sink sink_;
};

}  // namespace llmtrain
