#include "lib/metrics/throughput.h"

#include <algorithm>

#include "lib/base/error.h"

namespace llmtrain {

Throughput::Throughput(ThroughputOptions options) : options_(options) {
  ENSURE(options_.window_steps > 0);
  ENSURE(!options_.peak_flops || *options_.peak_flops > 0.0, *options_.peak_flops);
}

void Throughput::start(Clock::time_point now) {
  mark_ = now;
  started_ = true;
}

void Throughput::step(std::uint64_t tokens, Clock::time_point now) {
  ENSURE(started_);
  steps_.push_back({.tokens = tokens, .time = now - mark_});
  mark_ = now;
  tokens_ += steps_.back().tokens;
  time_ += steps_.back().time;
  if (steps_.size() > options_.window_steps) {
    tokens_ -= steps_.front().tokens;
    time_ -= steps_.front().time;
    steps_.pop_front();
  }
  const auto reached = flops_per_second();
  if (reached && options_.peak_flops) options_.peak_flops = std::max(*options_.peak_flops, *reached);
}

std::optional<double> Throughput::tokens_per_second() const {
  if (time_ <= Clock::duration::zero()) return std::nullopt;
  return static_cast<double>(tokens_) / std::chrono::duration<double>(time_).count();
}

std::optional<double> Throughput::flops_per_second() const {
  const auto rate = tokens_per_second();
  if (!rate || options_.flops_a_token <= 0.0) return std::nullopt;
  return *rate * options_.flops_a_token;
}

std::optional<double> Throughput::mfu() const {
  const auto rate = flops_per_second();
  if (!rate || !options_.peak_flops) return std::nullopt;
  return *rate / *options_.peak_flops;
}

std::optional<double> Throughput::seconds_left(std::uint64_t steps_left) const {
  if (steps_.empty()) return std::nullopt;
  const double a_step = std::chrono::duration<double>(time_).count() / static_cast<double>(steps_.size());
  return a_step * static_cast<double>(steps_left);
}

}  // namespace llmtrain
