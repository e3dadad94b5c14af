#pragma once
#include <filesystem>
#include <string>

#include "lib/config/run_config.h"

namespace llmtrain {

// Which model a command takes. A stage that is done has its model, a Hugging Face folder, in <stage>/model.

// The folder named by hand (--model): a model folder, a stage's folder, or a run's, of which the last stage that has a
// model counts. Throws input_error (3) where there is none.
std::filesystem::path named_model(const std::filesystem::path& path);

// The model of the last stage of a run that has one. source: the pipeline file, for messages. Throws input_error (3),
// saying which command makes one.
std::filesystem::path last_stage_model(const RunConfig& run, const std::string& source);

}  // namespace llmtrain
