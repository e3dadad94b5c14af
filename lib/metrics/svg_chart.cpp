#include "lib/metrics/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/metrics/html_text.h"

namespace llmtrain {
namespace {

// In units of the view box, which a browser scales to the width there is.
constexpr double kWidth = 480.0, kHeight = 250.0;
constexpr double kLeft = 52.0, kRight = 22.0, kTop = 10.0, kBottom = 36.0;
constexpr int kValueTicks = 5;
constexpr std::size_t kMostPoints = 160;  // drawn of one curve
constexpr std::size_t kMarked = 40;       // points of a curve that are few enough to be marked each
constexpr std::size_t kColours = 8;

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  // From a tick to a tick, so that both ends have their numbers.
  void round_outwards() {
    constexpr int kTries = 3;  // a wider range may have ticks further apart
    for (int i = 0; i < kTries; ++i) {
      const auto ticks = nice_ticks(low, high, kValueTicks);
      if (ticks.size() < 2) return;
      const double apart = ticks[1] - ticks[0];
      const double slack = 1e-9 * apart;
      const double lower = ticks.front() - low > slack ? ticks.front() - apart : low;
      const double upper = high - ticks.back() > slack ? ticks.back() + apart : high;
      if (!std::isfinite(lower) || !std::isfinite(upper)) return;
      low = lower;
      high = upper;
    }
  }
  // Room for a line where there is one value only.
  void widen(double smallest) {
    if (high > low) return;
    const double room = std::max(smallest, std::abs(low) * 0.1);
    low = std::max(low - room, std::numeric_limits<double>::lowest());
    high = std::min(high + room, std::numeric_limits<double>::max());
  }
};

struct Frame {
  Range steps;
  Range values;
  double x(double step) const {
    return kLeft + (kWidth - kLeft - kRight) * (step - steps.low) / (steps.high - steps.low);
  }
  double y(double value) const {
    // Halves: the difference of two large numbers may overflow.
    const double share = (value / 2 - values.low / 2) / (values.high / 2 - values.low / 2);
    return kHeight - kBottom - (kHeight - kTop - kBottom) * share;
  }
};

// One drawn point: the mean of its values and how far they reach.
struct Spot {
  double step;
  double mean;
  Range range;
};

Frame frame_of(const Chart& chart) {
  Frame frame;
  for (const auto& curve : chart.curves) {
    for (const auto& point : curve.points) {
      if (!std::isfinite(point.value)) continue;
      frame.steps.take(static_cast<double>(point.step));
      frame.values.take(point.value);
    }
  }
  return frame;
}

// Runs of finite values, thinned to spots.
std::vector<std::vector<Spot>> pieces_of(const Curve& curve) {
  const std::size_t a_spot = (curve.points.size() + kMostPoints - 1) / kMostPoints;
  std::vector<std::vector<Spot>> pieces(1);
  std::size_t in_spot = 0;
  for (const auto& [step, value] : curve.points) {
    if (!std::isfinite(value)) {
      if (!pieces.back().empty()) pieces.emplace_back();
      in_spot = 0;
      continue;
    }
    if (in_spot == 0) pieces.back().push_back({.step = 0.0, .mean = 0.0, .range = {}});
    Spot& spot = pieces.back().back();
    const double share = 1.0 / static_cast<double>(++in_spot);
    spot.step += (static_cast<double>(step) - spot.step) * share;
    spot.mean += (value - spot.mean) * share;
    spot.range.take(value);
    if (in_spot == a_spot) in_spot = 0;
  }
  return pieces;
}

std::string line_of(const std::vector<Spot>& piece, const Frame& frame) {
  std::string path;
  for (const auto& spot : piece) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", frame.x(spot.step), frame.y(spot.mean));
  }
  return path;
}

std::string band_of(const std::vector<Spot>& piece, const Frame& frame) {
  std::string path;
  for (const auto& spot : piece) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", frame.x(spot.step), frame.y(spot.range.high));
  }
  for (auto spot = piece.rbegin(); spot != piece.rend(); ++spot) {
    path += fmt::format("L{:.1f} {:.1f}", frame.x(spot->step), frame.y(spot->range.low));
  }
  return path + 'Z';
}

std::string draw(const Curve& curve, std::size_t index, const Frame& frame) {
  const std::size_t number = curve.colour.value_or(index);
  const std::size_t colour = number % kColours;
  const std::string dashes = number < kColours ? "" : " stroke-dasharray=\"5 3\"";
  const std::string faint = curve.faint ? " faint" : "";
  const bool thinned = curve.points.size() > kMostPoints;
  std::string bands;
  std::string lines;
  std::string dots;
  for (const auto& piece : pieces_of(curve)) {
    if (piece.size() == 1 || curve.points.size() <= kMarked) {
      for (const auto& spot : piece) {
        dots += fmt::format("<circle class=\"dot{} c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", faint, colour,
                            frame.x(spot.step), frame.y(spot.mean), piece.size() == 1 ? 3 : 2);
      }
    }
    if (piece.size() == 1) continue;
    if (thinned) bands += band_of(piece, frame);
    lines += line_of(piece, frame);
  }
  std::string svg;
  if (!bands.empty()) svg += fmt::format("<path class=\"band{} c{}\" d=\"{}\"/>", faint, colour, bands);
  if (!lines.empty()) {
    svg += fmt::format("<path class=\"line{} c{}\"{} d=\"{}\"><title>{}</title></path>", faint, colour, dashes, lines,
                       html_text(curve.name));
  }
  return svg + dots;
}

// "20K", "1.5M": what takes little room.
std::string short_number(double value) {
  constexpr double kMillion = 1e6;
  return std::abs(value) >= kMillion ? fmt::format("{:g}M", value / kMillion) : fmt::format("{:g}K", value / 1000.0);
}

// Ticks `apart` from each other up to `largest`, all with as many decimals.
std::string tick_label(double value, double apart, double largest) {
  constexpr double kFixedFrom = 0.99e-4;
  constexpr double kLong = 1e5;
  constexpr double kLongest = 1e9;
  if (apart < kFixedFrom || largest >= kLongest) return number_text(value, 6);
  if (largest >= kLong && value != 0.0) return short_number(value);
  if (apart >= 1.0) return number_text(value, 12);
  return fmt::format("{:.{}f}", value, static_cast<int>(std::ceil(-std::log10(apart) - 1e-9)));
}

std::string step_label(double step, double largest) {
  constexpr double kLong = 1e4;
  if (largest < kLong || step == 0.0) return with_thousands(static_cast<std::uint64_t>(step));
  return short_number(step);
}

std::string axes(const Frame& frame) {
  constexpr int kStepTicks = 5;
  std::string svg;
  const auto ticks = nice_ticks(frame.values.low, frame.values.high, kValueTicks);
  const double apart = ticks.size() < 2 ? 1.0 : ticks[1] - ticks[0];
  for (const double value : ticks) {
    const double y = frame.y(value);
    svg +=
        fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"value\" x=\"{}\" y=\"{:.1f}\">{}</text>",
                    kLeft, y, kWidth - kRight, kLeft - 6, y + 4,
                    tick_label(value, apart, std::max(std::abs(ticks.front()), std::abs(ticks.back()))));
  }
  const auto step_ticks = nice_ticks(frame.steps.low, frame.steps.high, kStepTicks, 1.0);
  for (const double step : step_ticks) {
    if (step < 0.0) continue;
    const double x = frame.x(step);
    svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {}v4\"/><text class=\"step\" x=\"{:.1f}\" y=\"{}\">{}</text>",
                       x, kHeight - kBottom, x, kHeight - kBottom + 16, step_label(step, step_ticks.back()));
  }
  return svg + fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/><text class=\"step\" x=\"{}\" y=\"{}\">step</text>",
                           kLeft, kHeight - kBottom, kWidth - kRight, (kLeft + kWidth - kRight) / 2, kHeight - 4);
}

}  // namespace

std::string number_text(double value, int digits) {
  constexpr double kPlain = 1e7;
  const double size = std::abs(value);
  if (size >= 1000.0 && size < kPlain) {
    return (value < 0.0 ? "-" : "") + with_thousands(static_cast<std::uint64_t>(std::llround(size)));
  }
  std::string text = fmt::format("{:.{}g}", value, digits);
  if (const auto exponent = text.find('e'); exponent != std::string::npos && text[exponent + 2] == '0') {
    text.erase(exponent + 2, 1);
  }
  return text;
}

std::vector<double> nice_ticks(double low, double high, int count, double smallest) {
  ENSURE(low < high && std::isfinite(low) && std::isfinite(high) && count > 0, low, high, count);
  const double wanted = std::max((high / count) - (low / count), smallest);
  const double power = std::pow(10.0, std::floor(std::log10(wanted)));
  double apart = 10.0 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    // A little less than wanted will do: 0.1 is not quite a power of ten.
    if (factor * power >= wanted * (1.0 - 1e-9)) {
      apart = factor * power;
      break;
    }
  }
  constexpr double kSlack = 1e-9;
  const double first = std::ceil(low / apart - kSlack);
  const double last = std::floor(high / apart + kSlack);
  std::vector<double> ticks;
  for (double k = 0.0; k <= last - first; ++k) ticks.push_back((first + k) * apart + 0.0);
  return ticks;
}

std::string svg_chart(const Chart& chart) {
  Frame frame = frame_of(chart);
  if (frame.steps.low > frame.steps.high) return "";
  frame.steps.widen(1.0);
  const bool near_zero = frame.values.low > 0.0 && frame.values.low < 0.15 * frame.values.high;
  if (near_zero) frame.values.low = 0.0;
  frame.values.widen(std::numeric_limits<double>::min() * 1e10);
  frame.values.round_outwards();
  std::string svg = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth, kHeight,
                                html_text(chart.title));
  svg += axes(frame);
  for (std::size_t i = 0; i < chart.curves.size(); ++i) svg += draw(chart.curves[i], i, frame);
  return svg + "</svg>";
}

}  // namespace llmtrain
