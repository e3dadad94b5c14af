#include "lib/base/progress.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/terminal.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr auto kBarInterval = std::chrono::milliseconds(100);
constexpr auto kLineInterval = std::chrono::seconds(10);
constexpr auto kFirstDraw = std::chrono::seconds(1);

}  // namespace

Progress::Progress(std::string label, std::uint64_t total, std::string unit, ProgressMode mode)
    : label_(std::move(label)), total_(total), unit_(std::move(unit)), start_(Clock::now()) {
  bar_ = mode == ProgressMode::kBar || (mode == ProgressMode::kAuto && terminal_takes_a_bar());
  off_ = mode == ProgressMode::kOff;
  utf8_ = locale_is_utf8();
  next_draw_ = start_ + (bar_ ? Clock::duration(kFirstDraw) : Clock::duration(kLineInterval));
}

Progress::~Progress() {
  if (drawn_ && bar_ && !finished_) write_stderr("\r\x1b[K");
}

void Progress::add(std::uint64_t amount) {
  const std::scoped_lock lock(mutex_);
  done_ += amount;
  if (off_) return;
  const auto now = Clock::now();
  if (now >= next_draw_) draw(now);
}

void Progress::finish() {
  const std::scoped_lock lock(mutex_);
  ENSURE(!finished_, label_);
  finished_ = true;
  if (off_) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  if (drawn_ && bar_) write_stderr("\r\x1b[K");
  write_stderr(fmt::format("llmtrain: {}: {} in {}{}\n", label_, amount(done_), human_seconds(seconds), rate(seconds)));
}

void Progress::draw(Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double fraction = total_ == 0 ? 0.0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  std::string text = fmt::format("{}: {}", label_, amount(done_));
  if (total_ != 0) text += fmt::format(" of {} ({:.0f} %)", amount(total_), 100.0 * fraction);
  text += rate(seconds);
  if (total_ != 0 && fraction > 0.0) text += fmt::format(", {} left", human_seconds(seconds / fraction - seconds));
  if (!bar_) {
    write_stderr(fmt::format("llmtrain: {}\n", text));
    next_draw_ = now + kLineInterval;
    return;
  }
  const int width = std::min(30, terminal_columns() - static_cast<int>(text.size()) - 4);
  if (total_ != 0 && width >= 5) {
    const int full = static_cast<int>(fraction * width);
    std::string bar;
    for (int i = 0; i < width; ++i) bar += i < full ? (utf8_ ? "█" : "#") : (utf8_ ? "░" : ".");
    text = bar + " " + text;
  } else if (static_cast<int>(text.size()) >= terminal_columns()) {
    text.resize(static_cast<std::size_t>(std::max(1, terminal_columns() - 1)));
  }
  write_stderr(fmt::format("\r\x1b[K{}", text));
  drawn_ = true;
  next_draw_ = now + kBarInterval;
}

std::string Progress::amount(std::uint64_t value) const {
  return unit_ == "B" ? human_bytes(value) : fmt::format("{} {}", with_thousands(value), unit_);
}

std::string Progress::rate(double seconds) const {
  if (seconds <= 0.0 || done_ == 0) return "";
  const double each = static_cast<double>(done_) / seconds;
  return unit_ == "B" ? fmt::format(" ({}/s)", human_bytes(static_cast<std::uint64_t>(each)))
                      : fmt::format(" ({} {}/s)", human_count(each), unit_);
}

}  // namespace llmtrain
