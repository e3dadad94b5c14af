#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/config/pipeline.h"

namespace llmtrain {

struct EvalMetric {
  std::string name;
  double value = 0;
  std::optional<double> error;  // standard error
};

// What came out of one task.
struct TaskReport {
  std::string name;
  std::string kind;  // the key of its list in the eval section
  std::string path;
  std::vector<EvalMetric> metrics;
  std::vector<std::pair<std::string, std::int64_t>> facts;  // what the metrics are of, the number of cases first
};

struct EvalReport {
  std::filesystem::path model;
  std::string model_sha256;  // model_hash
  std::int64_t parameters = 0;
  std::string precision;
  double time = 0;  // when it began, in seconds since 1970
  std::vector<TaskReport> tasks;
};

// What a command line says of an evaluation beside the pipeline file.
struct EvalRequest {
  std::string model = {};  // the folder of a model, a stage or a run; "": the pipeline's last finished stage
  Log log = Log();
  ProgressMode progress = ProgressMode::kAuto;
};

// Evaluates a model by the pipeline's eval section, or by its held-out data alone where it has none. source: the
// pipeline file's name, for messages. Questions are read before the model is. Throws config_error (2) where there is
// nothing to evaluate or a task does not fit the model, input_error (3) for model and task files, stopped_error (75).
EvalReport run_eval(const Pipeline& pipeline, const std::string& source, const EvalRequest& request);

}  // namespace llmtrain
