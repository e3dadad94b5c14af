#include "apps/engine/eval_report.h"

#include <nlohmann/json.hpp>

#include "apps/llmtrain/text_table.h"
#include "lib/base/text.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownHash = 12;

Json task_json(const TaskReport& task) {
  Json json = {{"name", task.name}, {"kind", task.kind}};
  if (!task.path.empty()) json["path"] = task.path;
  auto& metrics = json["metrics"] = Json::object();
  for (const auto& metric : task.metrics) {
    metrics[metric.name] = {{"value", metric.value}};
    if (metric.error) metrics[metric.name]["stderr"] = *metric.error;
  }
  auto& facts = json["facts"] = Json::object();
  for (const auto& [name, value] : task.facts) facts[name] = value;
  return json;
}

std::string measured_on(const TaskReport& task) {
  if (task.facts.empty()) return "";
  const auto& [name, number] = task.facts.front();
  return fmt::format("{} {}", with_thousands(static_cast<std::uint64_t>(number)), name);
}

}  // namespace

std::string to_json(const EvalReport& report) {
  Json json = {{"model", report.model.string()},  {"model_sha256", report.model_sha256},
               {"parameters", report.parameters}, {"precision", report.precision},
               {"date", iso_utc(report.time)},    {"llmtrain", LLMTRAIN_VERSION},
               {"tasks", Json::array()}};
  for (const auto& task : report.tasks) json["tasks"].push_back(task_json(task));
  // A path may hold any bytes.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const EvalReport& report) {
  std::vector<Row> rows = {{"task", "metric", "value", "stderr", "of"}};
  for (const auto& task : report.tasks) {
    for (std::size_t i = 0; i < task.metrics.size(); ++i) {
      const auto& metric = task.metrics[i];
      rows.push_back({i == 0 ? printable(task.name) : "", metric.name, fmt::format("{:.4f}", metric.value),
                      metric.error ? fmt::format("{:.4f}", *metric.error) : "", i == 0 ? measured_on(task) : ""});
    }
  }
  return fmt::format("{} ({} parameters, {}, sha256 {})\n\n{}", printable(report.model.string()),
                     human_count(static_cast<double>(report.parameters)), report.precision,
                     report.model_sha256.substr(0, kShownHash), aligned(rows, Columns::kText));
}

}  // namespace llmtrain
