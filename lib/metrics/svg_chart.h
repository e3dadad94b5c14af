#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace llmtrain {

struct CurvePoint {
  std::int64_t step;
  double value;  // one that is not finite interrupts the curve
};
struct Curve {
  std::string name;                     // "": the chart's title says what it is
  std::vector<CurvePoint> points;       // by rising step
  std::optional<std::size_t> colour{};  // its number, else its place among the curves
  bool faint = false;                   // stands behind another, as values behind their mean
};
struct Chart {
  std::string title;
  std::vector<Curve> curves;
};

// Round numbers (1, 2 or 5 times a power of ten apart, at least `smallest`) from `low` to `high`, about `count` of
// them. low < high, both finite.
std::vector<double> nice_ticks(double low, double high, int count, double smallest = 0.0);

// "0.0003", "5e-5", "2.914", "12,412": so many significant digits, but whole from a thousand on.
std::string number_text(double value, int digits);

// The curves over their steps as one <svg>, as wide as what it stands in, with labelled axes. Long curves are drawn as
// the mean of neighbouring points on a band from the lowest to the highest of them, so that a million points are no
// larger than a few hundred; few points are marked. Colours are the CSS classes "c0" to "c7" of the page, dashed from
// the ninth on. Empty where no value is finite.
std::string svg_chart(const Chart& chart);

}  // namespace llmtrain
