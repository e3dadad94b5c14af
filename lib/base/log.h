#pragma once
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace llmtrain {

enum class LogLevel { kQuiet, kNormal };

// Where the words go: everything but machine results goes to stderr, one whole line a call, control bytes escaped.
class Log {
 public:
  explicit Log(LogLevel level = LogLevel::kNormal) : level_(level) {}

  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (level_ == LogLevel::kNormal) line("", fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    line("warning: ", fmt::format(format, std::forward<Args>(args)...));
  }
  bool quiet() const { return level_ == LogLevel::kQuiet; }

 private:
  static void line(std::string_view kind, std::string_view text);
  LogLevel level_;
};

}  // namespace llmtrain
