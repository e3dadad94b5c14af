#include "lib/metrics/run_charts.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

// How a recorded number is shown.
struct Shown {
  std::string_view key;
  std::string_view title;
  double factor = 1.0;
};
constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr std::array<Shown, 5> kShown = {{{"lr", "Learning rate"},
                                          {"grad_norm", "Gradient norm"},
                                          {"tokens_per_second", "Tokens a second"},
                                          {"mfu", "Model FLOPs utilisation, %", 100.0},
                                          {"memory_bytes", "Memory of tensors, MiB", 1.0 / kMebibyte}}};

std::string title_of(std::string_view key) {
  for (const auto& shown : kShown) {
    if (shown.key == key) return std::string(shown.title);
  }
  std::string title(key);
  std::replace(title.begin(), title.end(), '_', ' ');
  if (!title.empty() && title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

std::vector<CurvePoint> scaled(std::string_view key, std::vector<CurvePoint> points) {
  for (const auto& shown : kShown) {
    if (shown.key != key) continue;
    for (auto& point : points) point.value *= shown.factor;
  }
  return points;
}

// The keys of charts that stand beside the losses: the known ones first.
std::vector<std::string> other_keys(const std::vector<NamedHistory>& runs) {
  std::vector<std::string> keys;
  const auto recorded = [&](std::string_view key) {
    return std::any_of(runs.begin(), runs.end(),
                       [&](const auto& run) { return run.history.train_curve(key) != nullptr; });
  };
  for (const auto& shown : kShown) {
    if (recorded(shown.key)) keys.emplace_back(shown.key);
  }
  for (const auto& run : runs) {
    for (const auto& curve : run.history.train) {
      if (curve.name != "loss" && std::find(keys.begin(), keys.end(), curve.name) == keys.end()) {
        keys.push_back(curve.name);
      }
    }
  }
  return keys;
}

constexpr std::size_t kFewPoints = 20;  // that need no smoothing

// The losses once more without the descent at the beginning, beside which nothing later can be told apart; no curves
// where little is left.
Chart later_part(const Chart& losses) {
  std::int64_t last = 0;
  for (const auto& curve : losses.curves) {
    if (!curve.points.empty()) last = std::max(last, curve.points.back().step);
  }
  const std::int64_t from = last / 4;
  Chart later{.title = fmt::format("{} after step {}", losses.title, with_thousands(static_cast<std::uint64_t>(from))),
              .curves = losses.curves};
  std::size_t most = 0;
  for (auto& [name, points, colour, faint] : later.curves) {
    std::erase_if(points, [&](const CurvePoint& point) { return point.step <= from; });
    most = std::max(most, points.size());
  }
  std::erase_if(later.curves, [](const Curve& curve) { return curve.points.empty(); });
  if (most < kFewPoints) later.curves.clear();
  return later;
}

}  // namespace

std::vector<CurvePoint> smoothed(const std::vector<CurvePoint>& points) {
  constexpr std::size_t kSpans = 80;
  const std::size_t reach = std::max<std::size_t>(1, points.size() / kSpans);
  std::vector<CurvePoint> means = points;
  double sum = 0.0;
  std::size_t count = 0;
  std::size_t begin = 0;
  std::size_t end = 0;  // of the points that are summed
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::size_t before = std::min(reach, i);
    const std::size_t after = std::min(before, points.size() - 1 - i);
    for (; end <= i + after; ++end) {
      if (!std::isfinite(points[end].value)) continue;
      sum += points[end].value;
      ++count;
    }
    for (; begin < i - before; ++begin) {
      if (!std::isfinite(points[begin].value)) continue;
      sum -= points[begin].value;
      --count;
    }
    if (std::isfinite(points[i].value)) means[i].value = sum / static_cast<double>(count);
  }
  return means;
}

std::vector<Chart> run_charts(const MetricsHistory& history) {
  Chart loss{.title = "Loss", .curves = {}};
  if (const Curve* train = history.train_curve("loss")) {
    const bool few = train->points.size() < kFewPoints;
    loss.curves.push_back({.name = "training", .points = train->points, .colour = 0, .faint = !few});
    if (!few) loss.curves.push_back({.name = "training, smoothed", .points = smoothed(train->points), .colour = 0});
  }
  if (const Curve* held_out = history.validation_curve("loss")) {
    loss.curves.push_back({.name = "held-out", .points = held_out->points, .colour = 1});
  }
  std::vector<Chart> charts = {loss, later_part(loss)};
  for (const auto& key : other_keys({{.name = "", .history = history}})) {
    charts.push_back({.title = title_of(key), .curves = {{"", scaled(key, history.train_curve(key)->points)}}});
  }
  return charts;
}

std::vector<Chart> compared_charts(const std::vector<NamedHistory>& runs) {
  Chart train{.title = "Smoothed training loss", .curves = {}};
  Chart held_out{.title = "Held-out loss", .curves = {}};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto& [name, history] = runs[i];
    if (const Curve* loss = history.train_curve("loss")) {
      const bool few = loss->points.size() < kFewPoints;
      train.curves.push_back({.name = name, .points = few ? loss->points : smoothed(loss->points), .colour = i});
    }
    if (const Curve* loss = history.validation_curve("loss")) {
      held_out.curves.push_back({.name = name, .points = loss->points, .colour = i});
    }
  }
  std::vector<Chart> charts = {train, later_part(train), held_out};
  for (const auto& key : other_keys(runs)) {
    Chart chart{.title = title_of(key), .curves = {}};
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const Curve* curve = runs[i].history.train_curve(key);
      if (curve == nullptr) continue;
      chart.curves.push_back({.name = runs[i].name, .points = scaled(key, curve->points), .colour = i});
    }
    charts.push_back(std::move(chart));
  }
  return charts;
}

}  // namespace llmtrain
