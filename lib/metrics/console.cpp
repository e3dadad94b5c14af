#include "lib/metrics/console.h"

#include <algorithm>
#include <utility>

#include "lib/base/terminal.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr auto kDrawInterval = std::chrono::milliseconds(100);
constexpr auto kShortestBetweenLines = std::chrono::seconds(1);
constexpr auto kLongestBetweenLines = std::chrono::minutes(1);
constexpr std::size_t kTrendPoints = 8;
constexpr std::size_t kMaxText = 4000;  // bytes of a message or of a line of a sample
constexpr std::string_view kTakeAway = "\r\x1b[K";

std::string behind_a_margin(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines += "  | " + printable(text.substr(0, end), kMaxText) + '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

Console::Console(ConsoleOptions options, std::optional<RunLog> run_log)
    : options_(std::move(options)), run_log_(std::move(run_log)), utf8_(locale_is_utf8()), trend_(kTrendPoints) {
  const bool wanted =
      options_.mode == ProgressMode::kBar || (options_.mode == ProgressMode::kAuto && terminal_takes_a_bar());
  bar_ = wanted && options_.format == ConsoleFormat::kText && !options_.quiet;
}

Console::~Console() {
  if (!drawn_) return;
  draw(options_.now());
  write_stderr("\n");
}

void Console::step(const StepStatus& status) {
  const std::scoped_lock lock(mutex_);
  latest_ = status;
  if (status.total_steps == 0) latest_->total_steps = options_.total_steps;
  trend_.add(status.loss);
  const auto now = options_.now();
  if (line_is_due(status.step, latest_->total_steps, now)) {
    last_line_ = now;
    show_line();
  }
  if (bar_ && (!last_draw_ || now >= *last_draw_ + kDrawInterval)) draw(now);
}

void Console::show_line() {
  const auto line = [&](std::string_view label, bool utf8) {
    return status_line(*latest_, {.label = label, .trend = sparkline(trend_.values(), utf8)});
  };
  record(line("", true));
  if (bar_ || options_.quiet || options_.mode == ProgressMode::kOff) return;
  if (options_.format == ConsoleFormat::kText) return print(line(options_.label, utf8_) + '\n');
  Record fields = {{"event", "step"}, {"stage", options_.label}};
  for (auto& field : status_record(*latest_)) fields.push_back(std::move(field));
  print(to_json(fields, true) + '\n');
}

bool Console::line_is_due(std::int64_t step, std::int64_t total, Clock::time_point now) {
  if (!last_line_ || step == total) return true;
  const auto since = now - *last_line_;
  return since >= kLongestBetweenLines || (step % options_.every_steps == 0 && since >= kShortestBetweenLines);
}

void Console::draw(Clock::time_point now) {
  const auto columns = static_cast<std::size_t>(std::max(2, terminal_columns()));
  const auto trend = sparkline(trend_.values(), utf8_);
  // One column less: a character in the last one makes some terminals begin a new line.
  const auto line = status_line(
      *latest_, {.label = options_.label, .trend = trend, .trend_columns = kTrendPoints, .columns = columns - 1});
  write_stderr(fmt::format("{}{}", kTakeAway, line));
  drawn_ = true;
  last_draw_ = now;
}

void Console::message(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  record(text);
  if (!options_.quiet) say("message", text, fmt::format("llmtrain: {}\n", printable(text, kMaxText)));
}

void Console::note(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  record(text);
}

void Console::warning(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  if (!warned_.emplace(text).second) return;
  record(fmt::format("warning: {}", text));
  say("warning", text, fmt::format("llmtrain: warning: {}\n", printable(text, kMaxText)));
}

void Console::sample(std::string_view text) {
  const std::scoped_lock lock(mutex_);
  record(fmt::format("sample: {}", text));
  if (!options_.quiet) say("sample", text, behind_a_margin(text));
}

Log Console::log() {
  return {options_.quiet ? LogLevel::kQuiet : LogLevel::kNormal,
          [this](LogKind kind, std::string_view text) { kind == LogKind::kWarning ? warning(text) : message(text); }};
}

// shown: what a person reads; a machine reads the text as it is.
void Console::say(std::string_view event, std::string_view text, std::string_view shown) {
  if (options_.format == ConsoleFormat::kText) return print(shown);
  print(to_json({{"event", std::string(event)}, {"stage", options_.label}, {"text", std::string(text)}}, true) + '\n');
}

void Console::print(std::string_view lines) {
  if (!drawn_) return write_stderr(lines);
  write_stderr(fmt::format("{}{}", kTakeAway, lines));
  draw(options_.now());
}

void Console::record(std::string_view text) {
  if (!run_log_) return;
  run_log_->line(text);
  if (const auto fault = run_log_->take_fault()) {
    say("warning", *fault, fmt::format("llmtrain: warning: {}\n", printable(*fault, kMaxText)));
  }
}

}  // namespace llmtrain
