#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/metrics/meter.h"
#include "lib/metrics/run_log.h"
#include "lib/metrics/status_line.h"

namespace llmtrain {

enum class ConsoleFormat { kText, kJson };

struct ConsoleOptions {
  bool quiet = false;  // warnings only
  ConsoleFormat format = ConsoleFormat::kText;
  ProgressMode mode = ProgressMode::kAuto;
  std::string label{};           // "pretrain"
  std::int64_t total_steps = 0;  // 0: unknown
  std::int64_t every_steps = 10;
  std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now;
};

// All that a training run says, on stderr and, where there is one, in train.log. On a terminal a status line is redrawn
// in place, never wider than the terminal, and taken away before anything else is written. Elsewhere, and in train.log,
// whole lines: at multiples of every_steps, at most one a second but at least one a minute, and at the first and the
// last step. No colour is ever used; without a terminal no \r and no escape byte. In JSON each line is one object:
// {"event":"step"|"message"|"warning"|"sample","stage":LABEL,…}. A closed or broken stderr, or a train.log that cannot
// be written, does not end the run. Safe to call from several threads.
class Console {
 public:
  explicit Console(ConsoleOptions options, std::optional<RunLog> run_log = std::nullopt);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  // The last status line stays on the terminal.
  ~Console();

  void step(const StepStatus& status);
  void message(std::string_view text);
  // To train.log alone: what is on stderr in another form, as the error that ends a run.
  void note(std::string_view text);
  // Each distinct text once.
  void warning(std::string_view text);
  // Generated text, line for line behind a margin, control bytes escaped.
  void sample(std::string_view text);
  // For rooms that take a Log: info is a message, warn a warning. Not to outlive the console.
  Log log();

 private:
  using Clock = std::chrono::steady_clock;

  bool line_is_due(std::int64_t step, std::int64_t total, Clock::time_point now);
  void show_line();
  void draw(Clock::time_point now);
  void say(std::string_view event, std::string_view text, std::string_view shown);
  void print(std::string_view lines);
  void record(std::string_view text);

  std::mutex mutex_;
  const ConsoleOptions options_;
  std::optional<RunLog> run_log_;
  bool bar_ = false;
  bool utf8_ = false;
  Trend trend_;
  std::optional<StepStatus> latest_;
  bool drawn_ = false;
  std::optional<Clock::time_point> last_draw_;
  std::optional<Clock::time_point> last_line_;
  std::set<std::string, std::less<>> warned_;
};

}  // namespace llmtrain
