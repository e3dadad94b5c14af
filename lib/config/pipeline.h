#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lib/config/key_spec.h"
#include "lib/config/pipeline_config.h"
#include "lib/config/writer.h"

namespace llmtrain {

struct Pipeline {
  PipelineConfig config;
  // Where each value came from: "quickstart.yaml:12:3", the same with " (${HOME})" for what the environment gave,
  // "--set", or no entry for a default. Keyed by full path ("pretrain.optim.lr", "pretrain.data.train[0].path").
  Origins origins;
};

// What rooms further right have to say of model and tokenizer: may complete the pipeline, throws Error for its faults.
using PipelineCheck = std::function<void(Pipeline&)>;

// Reads and checks a pipeline file. overrides: "full.path=value" in the order given (--set). Throws config_error (2)
// with every fault of file and overrides at once, those that `check` throws among them.
Pipeline load_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides = {},
                       const PipelineCheck& check = nullptr);

// What every key of a pipeline file means.
KeySpec pipeline_spec();

}  // namespace llmtrain
