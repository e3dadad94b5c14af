#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/metrics/svg_chart.h"

namespace llmtrain {

// What metrics.jsonl says of a run, over all its starts: see MetricsLog.
struct MetricsHistory {
  std::vector<Curve> train;       // one a key, by first appearance: "loss", "grad_norm", …
  std::vector<Curve> validation;  // the same of evaluations
  // Seconds by part, summed: {"forward", 12.5}; see PartTimes.
  std::vector<std::pair<std::string, double>> parts;
  std::int64_t step = 0;                        // of the last line that names one
  std::int64_t tokens = 0;                      // seen until then
  std::int64_t resumes = 0;                     // starts that went on from a checkpoint
  std::optional<std::int64_t> stopped_after;    // the step of a stop after which nothing came
  std::optional<double> first_time, last_time;  // of lines, seconds since 1970
  // What the file lacks: it is missing, its last line is cut, lines could not be written.
  std::vector<std::string> missing;

  const Curve* train_curve(std::string_view key) const;
  const Curve* validation_curve(std::string_view key) const;
};

// Takes what can be read and never throws for what cannot: that stands in `missing`.
MetricsHistory read_metrics(const std::filesystem::path& path);

}  // namespace llmtrain
