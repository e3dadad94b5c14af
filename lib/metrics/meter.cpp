#include "lib/metrics/meter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "lib/base/error.h"

namespace llmtrain {

void Meter::add(double value, double value_weight) {
  weighted_sum += value * value_weight;
  weight += value_weight;
  last = value;
}

std::optional<double> Meter::mean() const {
  if (weight <= 0.0) return std::nullopt;
  return weighted_sum / weight;
}

std::optional<double> Meter::take() {
  const auto taken = mean();
  weighted_sum = weight = 0.0;
  return taken;
}

Ema::Ema(double decay) : decay_(decay) { ENSURE(decay >= 0.0 && decay < 1.0, decay); }

void Ema::add(double value) {
  sum_ = decay_ * sum_ + (1.0 - decay_) * value;
  weight_ = decay_ * weight_ + (1.0 - decay_);
}

std::optional<double> Ema::value() const {
  if (weight_ == 0.0) return std::nullopt;
  return sum_ / weight_;
}

Trend::Trend(std::size_t points) : points_(points) { ENSURE(points >= 2 && points % 2 == 0, points); }

void Trend::add(double value) {
  current_.add(value);
  if (current_.weight < static_cast<double>(values_a_point_)) return;
  means_.push_back(*current_.take());
  if (means_.size() < points_) return;
  for (std::size_t i = 0; i < points_ / 2; ++i) means_[i] = 0.5 * (means_[2 * i] + means_[2 * i + 1]);
  means_.resize(points_ / 2);
  values_a_point_ *= 2;
}

std::vector<double> Trend::values() const {
  std::vector<double> all = means_;
  if (const auto mean = current_.mean()) all.push_back(*mean);
  return all;
}

std::string sparkline(const std::vector<double>& values, bool utf8) {
  constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<const char*, 8> kAscii = {"_", ".", ":", "-", "=", "+", "*", "#"};
  constexpr std::size_t kMiddle = 3;
  const auto& bars = utf8 ? kBlocks : kAscii;
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::string line;
  for (const double value : values) {
    if (!std::isfinite(value)) {
      line += '!';
      continue;
    }
    const double share = (value / 2 - low / 2) / (high / 2 - low / 2);  // halves: high - low may overflow
    line += high > low ? bars[static_cast<std::size_t>(std::lround(share * (bars.size() - 1)))] : bars[kMiddle];
  }
  return line;
}

}  // namespace llmtrain
