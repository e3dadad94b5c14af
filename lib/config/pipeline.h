#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lib/config/pipeline_config.h"

namespace llmtrain {

// Where a value came from: "quickstart.yaml:12:3", "--set", or nothing for a default. Keyed by full path
// ("pretrain.optim.lr", "pretrain.data.train[0].path").
using Origins = std::map<std::string, std::string>;

struct Pipeline {
  PipelineConfig config;
  Origins origins;
};

// Reads and checks a pipeline file. overrides: "full.path=value" in the order given (--set). Throws config_error (2)
// with every fault of file and overrides at once.
Pipeline load_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides = {});

}  // namespace llmtrain
