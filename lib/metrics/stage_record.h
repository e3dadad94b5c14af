#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/metrics/html_report.h"
#include "lib/metrics/metrics_history.h"

namespace llmtrain {

// What the folder of a stage tells of its run.
struct StageRecord {
  std::filesystem::path folder;
  std::string run;                     // "quickstart": the name of the folder around it
  std::string stage;                   // "pretrain": the name of the folder
  MetricsHistory metrics;              // metrics.jsonl
  std::string config;                  // config.yaml, as it stands
  nlohmann::ordered_json result;       // result.json; null where it is not there or of an earlier end of the run
  nlohmann::ordered_json description;  // run.json; null where it is not there
  nlohmann::ordered_json environment;  // env.json; null where it is not there
  std::vector<std::string> warnings;   // of train.log: each once, the last ones
  std::optional<std::string> error;    // of train.log, where its last start ended with one
  std::vector<ReportSample> samples;   // of samples/: where there are many, evenly chosen ones
  std::vector<std::string> missing;    // what could not be read, and why
};

// Whether the folder is one of a stage: it holds metrics.jsonl or config.yaml.
bool is_stage_folder(const std::filesystem::path& folder);
// The stage folders in a run's folder, in the order of a pipeline; folders that were moved aside (.old-N) are none.
std::vector<std::filesystem::path> stage_folders(const std::filesystem::path& run);

// Reads what is there. Files that are missing, cut or damaged are no error: `missing` says so.
StageRecord read_stage(const std::filesystem::path& folder);

}  // namespace llmtrain
