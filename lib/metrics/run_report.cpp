#include "lib/metrics/run_report.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/config/yaml_tree.h"
#include "lib/metrics/run_charts.h"
#include "lib/metrics/run_summary.h"

namespace llmtrain {
namespace {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// What tells the runs apart: the name of each, with its stage or as a path where that is not enough.
std::vector<std::string> names_of(const std::vector<StageRecord>& records) {
  const std::vector<std::function<std::string(const StageRecord&)>> forms = {
      [](const auto& record) { return record.run; }, [](const auto& record) { return record.run + "/" + record.stage; },
      [](const auto& record) { return record.folder.string(); }};
  std::vector<std::string> names;
  for (const auto& form : forms) {
    names.clear();
    for (const auto& record : records) names.push_back(form(record));
    auto sorted = names;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end()) break;
  }
  return names;
}

// Each value below with its full path: "pretrain.data.train[0].path". Lists of plain values are one value.
void collect_values(const YamlNode& node, const std::string& path, NamedTexts& values) {
  for (const auto& entry : node.entries) {
    collect_values(entry.value, path.empty() ? entry.key : path + "." + entry.key, values);
  }
  const bool plain = std::all_of(node.items.begin(), node.items.end(), [](const auto& item) {
    return item.kind != YamlKind::kMap && item.kind != YamlKind::kList;
  });
  if (node.kind == YamlKind::kList && plain) {
    std::string text;
    for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + item.text;
    return values.emplace_back(path, "[" + text + "]"), void();
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    collect_values(node.items[i], fmt::format("{}[{}]", path, i), values);
  }
  if (node.kind == YamlKind::kScalar) values.emplace_back(path, node.text);
}

// Empty where the text is no YAML.
NamedTexts values_of(const std::string& config) {
  NamedTexts values;
  try {
    const YamlText source{.name = "config.yaml", .text = config};
    ConfigFaults faults(source);
    collect_values(parse_yaml(source, faults), "", values);
  } catch (const Error&) {  // the table says that they are unknown
    values.clear();
  }
  return values;
}

// One row a name that any column has, by first appearance; what a column lacks is `lacking`.
std::vector<std::vector<std::string>> side_by_side(const std::vector<NamedTexts>& columns, const std::string& lacking) {
  std::vector<std::vector<std::string>> rows;
  std::map<std::string, std::size_t> row_of;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    for (const auto& [name, value] : columns[column]) {
      const auto [found, is_new] = row_of.emplace(name, rows.size());
      if (is_new) {
        rows.emplace_back(columns.size() + 1, lacking);
        rows.back()[0] = name;
      }
      rows[found->second][column + 1] = value;
    }
  }
  return rows;
}

// The keys whose values differ among the configurations that read.
std::vector<std::vector<std::string>> differences_of(const std::vector<NamedTexts>& configs) {
  auto rows = side_by_side(configs, "not given");
  const auto differs = [&](const std::vector<std::string>& row) {
    std::set<std::string> values;
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (!configs[i].empty()) values.insert(row[i + 1]);
    }
    return values.size() > 1;
  };
  std::erase_if(rows, [&](const auto& row) { return !differs(row); });
  for (auto& row : rows) {
    for (std::size_t i = 0; i < configs.size(); ++i) {
      if (configs[i].empty()) row[i + 1] = "unknown";
    }
  }
  return rows;
}

}  // namespace

ReportInput run_report(const StageRecord& record) {
  return {.title = record.run + ": " + record.stage,
          .facts = run_facts(record),
          .missing = record.missing,
          .warnings = record.warnings,
          .charts = run_charts(record.metrics),
          .timings = part_timings(record),
          .tables = {data_table(record), environment_table(record)},
          .samples = record.samples,
          .config = record.config};
}

ReportInput compare_runs(const std::vector<StageRecord>& records) {
  const auto names = names_of(records);
  std::vector<std::string> header = {""};
  header.insert(header.end(), names.begin(), names.end());
  ReportInput input{.title = fmt::format("{}", fmt::join(names, ", "))};
  std::vector<NamedTexts> facts;
  std::vector<NamedTexts> configs;
  std::vector<NamedHistory> histories;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    facts.push_back(run_facts(record));
    configs.push_back(values_of(record.config));
    histories.push_back({.name = names[i], .history = record.metrics});
    for (const auto& text : record.missing) input.missing.push_back(names[i] + ": " + text);
    for (const auto& text : record.warnings) input.warnings.push_back(names[i] + ": " + text);
  }
  input.summaries.push_back({.title = "Runs", .header = header, .rows = side_by_side(facts, "-")});
  input.summaries.push_back(
      {.title = "Configurations, where they differ", .header = header, .rows = differences_of(configs)});
  input.charts = compared_charts(histories);
  return input;
}

std::filesystem::path write_run_report(const std::filesystem::path& folder) {
  auto path = folder / "report.html";
  write_file(path, html_report(run_report(read_stage(folder))));
  return path;
}

}  // namespace llmtrain
