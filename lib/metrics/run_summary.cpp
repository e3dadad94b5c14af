#include "lib/metrics/run_summary.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/metrics/loose_json.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

std::string grouped(std::int64_t number) {
  return with_thousands(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number)));
}

// "2.16M", and the number itself where that says more.
std::string count_text(std::int64_t number) {
  constexpr std::int64_t kShort = 10000;
  if (number < kShort) return grouped(number);
  return fmt::format("{} ({})", human_count(static_cast<double>(number)), grouped(number));
}

// "2023-11-14 22:13 UTC".
std::string time_text(double unix_seconds) {
  std::string text = iso_utc(unix_seconds);
  if (text.size() == 20) text = text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
  return text;
}

std::string end_text(const StageRecord& record) {
  if (text_of(record.result, "status") == "done") return "done: " + text_of(record.result, "reason");
  if (record.error) return "ended by an error: " + *record.error;
  if (record.metrics.stopped_after) {
    return fmt::format("stopped on request after step {}, to be resumed", grouped(*record.metrics.stopped_after));
  }
  if (!record.metrics.last_time) return "not begun";
  return "not finished as of " + time_text(*record.metrics.last_time);
}

std::optional<double> last_finite(const Curve* curve) {
  if (curve == nullptr) return std::nullopt;
  const auto found = std::find_if(curve->points.rbegin(), curve->points.rend(),
                                  [](const auto& point) { return std::isfinite(point.value); });
  return found == curve->points.rend() ? std::nullopt : std::optional(found->value);
}

const CurvePoint* lowest(const Curve* curve) {
  const CurvePoint* best = nullptr;
  if (curve == nullptr) return best;
  for (const auto& point : curve->points) {
    if (std::isfinite(point.value) && (best == nullptr || point.value < best->value)) best = &point;
  }
  return best;
}

std::optional<double> value_at(const Curve* curve, std::int64_t step) {
  if (curve == nullptr) return std::nullopt;
  for (const auto& point : curve->points) {
    if (point.step == step && std::isfinite(point.value)) return point.value;
  }
  return std::nullopt;
}

// The middle one, or of an even number the lower of the two.
std::optional<double> median(const Curve* curve) {
  std::vector<double> values;
  if (curve != nullptr) {
    for (const auto& point : curve->points) {
      if (std::isfinite(point.value)) values.push_back(point.value);
    }
  }
  if (values.empty()) return std::nullopt;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Counts of run.json's data.train, summed.
std::optional<std::int64_t> total_of(const Json& description, const char* side, const char* key) {
  const auto* data = member_of(description, "data");
  const auto* sources = data == nullptr ? nullptr : member_of(*data, side);
  if (sources == nullptr || !sources->is_array()) return std::nullopt;
  std::int64_t total = 0;
  for (const auto& source : *sources) total += whole_number_of(source, key).value_or(0);
  return total;
}

class Facts {
 public:
  void add(std::string name, std::string value) { facts_.emplace_back(std::move(name), std::move(value)); }
  template <class T, class Text>
  void add_if(const std::string& name, const std::optional<T>& value, Text&& text) {
    if (value) add(name, text(*value));
  }
  std::vector<std::pair<std::string, std::string>> take() { return std::move(facts_); }

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

void add_losses(const MetricsHistory& metrics, Facts& facts) {
  const auto four = [](double value) { return fmt::format("{:.4f}", value); };
  facts.add_if("training loss at the end", last_finite(metrics.train_curve("loss")), four);
  const CurvePoint* best = lowest(metrics.validation_curve("loss"));
  if (best == nullptr) return;
  facts.add("best held-out loss", fmt::format("{:.4f} at step {}", best->value, grouped(best->step)));
  facts.add_if("its perplexity", value_at(metrics.validation_curve("perplexity"), best->step),
               [](double value) { return number_text(value, 4); });
  facts.add_if("its bits a byte", value_at(metrics.validation_curve("bits_per_byte"), best->step), four);
}

void add_size(const StageRecord& record, Facts& facts) {
  const auto& run = record.description;
  const auto total = whole_number_of(run, "total_steps").value_or(0);
  const auto step = record.metrics.step;
  facts.add("steps", total > step ? fmt::format("{} of {}", grouped(step), grouped(total)) : grouped(step));
  facts.add("tokens seen", count_text(record.metrics.tokens));
  const auto tokens = total_of(run, "train", "tokens");
  if (tokens && *tokens > 0) {
    facts.add("passes over the data",
              fmt::format("{:.2f}", static_cast<double>(record.metrics.tokens) / static_cast<double>(*tokens)));
  }
  facts.add_if("parameters", whole_number_of(run, "parameters"), count_text);
  facts.add_if("tokens a step", whole_number_of(run, "batch_tokens"), grouped);
  facts.add_if("rows a micro-batch", whole_number_of(run, "micro_rows"), grouped);
  if (const auto precision = text_of(run, "precision"); !precision.empty()) facts.add("precision", precision);
  facts.add_if("threads", whole_number_of(run, "threads"), grouped);
}

void add_speed(const StageRecord& record, Facts& facts) {
  const auto& metrics = record.metrics;
  facts.add_if("tokens a second, median", median(metrics.train_curve("tokens_per_second")),
               [](double value) { return number_text(value, 4); });
  facts.add_if("FLOPs utilisation, median", median(metrics.train_curve("mfu")),
               [](double value) { return fmt::format("{:.1f} %", 100.0 * value); });
  double seconds = 0.0;
  for (const auto& [part, spent] : metrics.parts) seconds += spent;
  if (seconds > 0.0) facts.add("time", human_seconds(seconds));
  facts.add_if("begun", metrics.first_time, time_text);
  facts.add_if("last record", metrics.last_time, time_text);
  if (metrics.resumes > 0) facts.add("resumed", counted(static_cast<std::uint64_t>(metrics.resumes), "time"));
  if (const auto skipped = whole_number_of(record.result, "skipped_updates"); skipped.value_or(0) > 0) {
    facts.add("updates skipped", grouped(*skipped));
  }
}

// Appends "name", value for each scalar below; names are joined by spaces.
void flatten(const Json& json, const std::string& name, std::vector<std::vector<std::string>>& rows) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) flatten(value, name.empty() ? key : name + " " + key, rows);
    return;
  }
  std::string shown = name;
  std::replace(shown.begin(), shown.end(), '_', ' ');
  if (json.is_array()) {
    const bool plain = std::none_of(json.begin(), json.end(), [](const Json& item) { return item.is_structured(); });
    std::string text;
    if (plain) {
      for (const auto& item : json)
        text += (text.empty() ? "" : ", ") + (item.is_string() ? item.get<std::string>() : item.dump());
      return rows.push_back({shown, text});
    }
    rows.push_back({shown, grouped(static_cast<std::int64_t>(json.size()))});
    return flatten(json.back(), name + ", last", rows);
  }
  if (json.is_null()) return;
  if (json.is_number_integer() && name.find("bytes") != std::string::npos) {
    return rows.push_back({shown, human_bytes(json.get<std::uint64_t>())});
  }
  rows.push_back(
      {shown, json.is_string() ? json.get<std::string>() : json.dump(-1, ' ', false, Json::error_handler_t::replace)});
}

}  // namespace

std::vector<std::pair<std::string, std::string>> run_facts(const StageRecord& record) {
  Facts facts;
  facts.add("state", end_text(record));
  add_size(record, facts);
  add_losses(record.metrics, facts);
  add_speed(record, facts);
  return facts.take();
}

ReportTable data_table(const StageRecord& record) {
  ReportTable table{.title = "Data",
                    .header = {"source", "documents", "tokens", "rows", "files", "text", "weight"},
                    .rows = {},
                    .numbers = true};
  const auto* data = member_of(record.description, "data");
  if (data == nullptr) return table;
  const auto cell = [](const std::optional<std::int64_t>& value) { return value ? grouped(*value) : std::string("-"); };
  for (const auto& [side, suffix] : {std::pair{"train", ""}, std::pair{"validation", " (held out)"}}) {
    const auto* sources = member_of(*data, side);
    if (sources == nullptr || !sources->is_array()) continue;
    for (const auto& source : *sources) {
      const auto bytes = whole_number_of(source, "text_bytes");
      const auto weight = number_of(source, "weight");
      table.rows.push_back({text_of(source, "source") + suffix, cell(whole_number_of(source, "documents")),
                            cell(whole_number_of(source, "tokens")), cell(whole_number_of(source, "rows")),
                            cell(whole_number_of(source, "files")),
                            bytes ? human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, *bytes))) : "-",
                            weight ? number_text(*weight, 4) : "-"});
    }
  }
  return table;
}

ReportTable environment_table(const StageRecord& record) {
  ReportTable table{.title = "Machine and versions", .header = {}, .rows = {}};
  if (record.environment.is_object()) flatten(record.environment, "", table.rows);
  return table;
}

std::vector<std::pair<std::string, double>> part_timings(const StageRecord& record) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kNames = {
      {{"start", "start: data, tokenizer, state"},
       {"data", "waiting for data"},
       {"forward", "forward"},
       {"backward", "backward"},
       {"optimizer", "optimizer"},
       {"evaluation", "evaluation"},
       {"samples", "samples"},
       {"saving", "waiting for saves"},
       {"logging", "logs and reports"}}};
  std::vector<std::pair<std::string, double>> timings;
  const auto& parts = record.metrics.parts;
  for (const auto& [part, name] : kNames) {
    for (const auto& [found, seconds] : parts) {
      if (found == part) timings.emplace_back(name, seconds);
    }
  }
  for (const auto& part : parts) {
    const auto is_part = [&](const auto& name) { return name.first == part.first; };
    if (std::none_of(kNames.begin(), kNames.end(), is_part)) timings.emplace_back(part.first, part.second);
  }
  return timings;
}

}  // namespace llmtrain
