#include "lib/base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxLine = 4000;

// spdlog writes each line with one call, so lines of several threads never mix.
spdlog::logger& stderr_logger() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("llmtrain", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

}  // namespace

void Log::line(LogKind kind, std::string_view text) const {
  if (sink_) return sink_(kind, text);
  stderr_logger().info("llmtrain: {}{}", kind == LogKind::kWarning ? "warning: " : "", printable(text, kMaxLine));
}

}  // namespace llmtrain
