#include "lib/metrics/metrics_history.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/metrics/loose_json.h"
#include "lib/metrics/whole_lines.h"

namespace llmtrain {
namespace {

// Keeps the order of keys, and is quicker than a tree for lines as short as these.
using Json = nlohmann::ordered_json;

// A number as to_json(Record) writes it: JSON has no word for what is not finite.
std::optional<double> written_number(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (!value.is_string()) return std::nullopt;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto& text = value.get_ref<const std::string&>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (text == "inf") return kInfinity;
  if (text == "-inf") return -kInfinity;
  return std::nullopt;
}

const Curve* find(const std::vector<Curve>& curves, std::string_view key) {
  const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.name == key; });
  return found == curves.end() ? nullptr : &*found;
}

// Of two lines of one step the later counts.
void add_point(std::vector<Curve>& curves, const std::string& key, CurvePoint point) {
  auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& curve) { return curve.name == key; });
  if (found == curves.end()) found = curves.insert(curves.end(), {.name = key, .points = {}});
  auto& points = found->points;
  while (!points.empty() && points.back().step >= point.step) points.pop_back();
  points.push_back(point);
}

class Reading {
 public:
  void line(std::string_view text) {
    const auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) {
      ++not_read_;
      return;
    }
    if (const auto time = number_of(json, "t")) {
      history_.last_time = time;
      if (!history_.first_time) history_.first_time = time;
    }
    const std::string event = text_of(json, "event");
    if (!event.empty()) return take_event(event, json);
    if (const auto step = whole_number_of(json, "step")) take_values(*step, json);
  }

  MetricsHistory finish(const std::string& name) {
    if (not_read_ > 0) {
      history_.missing.push_back(
          fmt::format("{}: {} that {} no JSON", name, counted(not_read_, "line"), not_read_ == 1 ? "is" : "are"));
    }
    if (lost_ > 0) {
      history_.missing.push_back(fmt::format("{}: {} could not be written", name, counted(lost_, "line")));
    }
    return std::move(history_);
  }

 private:
  void take_event(const std::string& event, const Json& line) {
    if (event == "gap")
      lost_ += static_cast<std::uint64_t>(std::max<std::int64_t>(0, whole_number_of(line, "lost").value_or(0)));
    if (event == "stop") {
      history_.stopped_after = whole_number_of(line, "step");
      history_.step = std::max(history_.step, history_.stopped_after.value_or(0));  // no line need be due at a stop
    }
    if (event == "time") take_times(line);
    if (event != "resume") return;
    ++history_.resumes;
    history_.stopped_after.reset();
  }

  void take_times(const Json& line) {
    constexpr std::string_view kUnit = "_seconds";
    for (const auto& [key, value] : line.items()) {
      if (!key.ends_with(kUnit) || !value.is_number()) continue;
      const std::string part = key.substr(0, key.size() - kUnit.size());
      auto found = std::find_if(history_.parts.begin(), history_.parts.end(),
                                [&](const auto& known) { return known.first == part; });
      if (found == history_.parts.end()) found = history_.parts.emplace(history_.parts.end(), part, 0.0);
      found->second += value.get<double>();
    }
  }

  void take_values(std::int64_t step, const Json& line) {
    history_.step = step;
    history_.tokens = whole_number_of(line, "tokens").value_or(history_.tokens);
    history_.stopped_after.reset();
    auto& curves = text_of(line, "split") == "validation" ? history_.validation : history_.train;
    for (const auto& [key, value] : line.items()) {
      if (key == "t" || key == "step" || key == "tokens" || key == "split") continue;
      if (const auto number = written_number(value)) add_point(curves, key, {.step = step, .value = *number});
    }
  }

  MetricsHistory history_;
  std::uint64_t not_read_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace

const Curve* MetricsHistory::train_curve(std::string_view key) const { return find(train, key); }
const Curve* MetricsHistory::validation_curve(std::string_view key) const { return find(validation, key); }

MetricsHistory read_metrics(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  MetricsHistory none;
  none.missing = {fmt::format("{}: not there", name)};
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return none;
  Reading reading;
  std::vector<std::string> faults;
  try {
    const std::uint64_t torn = for_each_whole_line(InputFile(path), [&](std::string_view line) { reading.line(line); });
    if (torn > 0) faults.push_back(fmt::format("{}: the last line is cut, {}", name, counted(torn, "byte")));
  } catch (const Error& error) {
    faults.emplace_back(error.what());
  }
  auto history = reading.finish(name);
  history.missing.insert(history.missing.begin(), faults.begin(), faults.end());
  return history;
}

}  // namespace llmtrain
