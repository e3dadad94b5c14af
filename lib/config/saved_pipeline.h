#pragma once
#include <string>

#include "lib/config/pipeline_config.h"

namespace llmtrain {

// What is saved with a run: everything resolved.
std::string write_saved_pipeline(const PipelineConfig& config);

// A pipeline as write_saved_pipeline wrote it, read back. Throws config_error (2) naming `name` for what does not read:
// another version of the program may have written it.
PipelineConfig read_saved_pipeline(const std::string& yaml, const std::string& name);

}  // namespace llmtrain
