#pragma once
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace llmtrain {

enum class ProgressMode {
  kAuto,  // bar on a terminal that takes one, lines elsewhere
  kBar,
  kLines,
  kOff,
};

// Shows how far one long piece of work has come, on stderr: a redrawn bar on a terminal, elsewhere a whole line now and
// then (no \r, no escape bytes). TERM=dumb counts as no terminal; the bar is ASCII unless the locale is UTF-8 and fits
// into COLUMNS. Work shorter than a second shows nothing but its last line. Safe to call from several threads.
class Progress {
 public:
  // label: what is done ("tokenizing"); total: how much in all, 0 if unknown; unit: "B" prints bytes, else counts.
  Progress(std::string label, std::uint64_t total, std::string unit, ProgressMode mode = ProgressMode::kAuto);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void add(std::uint64_t amount);
  // Takes the bar away and prints the closing line: "tokenizing: 1.1 MiB in 0.21 s (5.2 MiB/s)". Without it (an
  // exception) the bar is only taken away.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(Clock::time_point now);
  std::string amount(std::uint64_t value) const;
  std::string rate(double seconds) const;

  std::mutex mutex_;
  const std::string label_;
  const std::uint64_t total_;
  const std::string unit_;
  bool bar_ = false;
  bool off_ = false;
  bool utf8_ = false;
  bool drawn_ = false;
  bool finished_ = false;
  std::uint64_t done_ = 0;
  Clock::time_point start_;
  Clock::time_point next_draw_;
};

}  // namespace llmtrain
