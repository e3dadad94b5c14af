#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmtrain {

// The weighted mean of a number since it was last taken: the loss between two lines of a log. NaN and the infinities go
// into the mean as arithmetic has it. The three sums are its whole state, to be saved and set again.
struct Meter {
  double weighted_sum = 0.0;
  double weight = 0.0;
  std::optional<double> last;  // the last value added, also after take()

  void add(double value, double value_weight = 1.0);
  // Nothing where no weight was added.
  std::optional<double> mean() const;
  // The mean; begins anew.
  std::optional<double> take();
};

// Exponential moving average, without the bias to its start (Adam's correction: divided by 1 − decay^n). The first
// value is the average of one. decay in [0, 1): about the last 1 / (1 − decay) values count.
class Ema {
 public:
  explicit Ema(double decay);
  void add(double value);
  std::optional<double> value() const;

 private:
  double decay_;
  double sum_ = 0.0;
  double weight_ = 0.0;
};

// How a number went over the whole run, in few points and constant memory: each is the mean of equally many values in a
// row (the last one of those that came so far). Between points/2 and `points` of them once there were enough.
class Trend {
 public:
  // points: even, at least 2.
  explicit Trend(std::size_t points);
  void add(double value);
  std::vector<double> values() const;

 private:
  std::size_t points_;
  std::uint64_t values_a_point_ = 1;
  std::vector<double> means_;
  Meter current_;
};

// The values as bars from the lowest to the highest: "▇▅▄▂▁", or in ASCII "#*+:_". Values that are not finite are "!";
// where all are equal the bars stand in the middle.
std::string sparkline(const std::vector<double>& values, bool utf8);

}  // namespace llmtrain
