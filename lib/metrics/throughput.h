#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace llmtrain {

struct ThroughputOptions {
  std::size_t window_steps = 50;       // how many of the last steps count, at least 1
  double flops_a_token = 0.0;          // forward and backward, as lib/arch/flops.h counts them
  std::optional<double> peak_flops{};  // what this machine was measured to reach, FLOP/s, more than 0
};

// How fast training goes and how long it will take, from a monotonic clock over the last steps. What lies between a
// pause and the next start (evaluating, saving) is counted neither in the rate nor in the time left.
class Throughput {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Throughput(ThroughputOptions options);

  // Steps begin to be timed now; before the first one, and again after anything that is not a step.
  void start(Clock::time_point now = Clock::now());
  // A step over `tokens` ended; it began at the last start() or step(), whichever was later.
  void step(std::uint64_t tokens, Clock::time_point now = Clock::now());

  // Nothing before the first step, or where no time passed.
  std::optional<double> tokens_per_second() const;
  std::optional<double> flops_per_second() const;
  // Model FLOPs utilisation: share of the peak, in [0, 1]; nothing where the peak is unknown. The peak is the measured
  // one, or the highest rate that steps had since then: the machine may have been busy while it was measured.
  std::optional<double> mfu() const;
  std::optional<double> seconds_left(std::uint64_t steps_left) const;

 private:
  struct Step {
    std::uint64_t tokens;
    Clock::duration time;
  };

  ThroughputOptions options_;
  std::deque<Step> steps_;
  std::uint64_t tokens_ = 0;  // of the steps in the window
  Clock::duration time_{};    // of the steps in the window
  Clock::time_point mark_{};  // where the next step begins
  bool started_ = false;
};

}  // namespace llmtrain
