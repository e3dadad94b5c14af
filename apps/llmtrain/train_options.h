#pragma once
#include <string>
#include <vector>

#include "apps/llmtrain/commands.h"

namespace llmtrain {

// What the training commands take, alike in the front and in the engine.
struct TrainOptions {
  PipelineOptions pipeline;
  SharedOptions shared;
  std::string resume = "auto";  // auto | never | the path of a checkpoint or stage folder
  bool dry_run = false;
  bool accept_data_change = false;
  bool accept_non_finite = false;
  std::string log_format = "text";  // text | json
};

void add_train_options(CLI::App& command, TrainOptions& options);

// The command line behind the command's name that reads to the same options.
std::vector<std::string> to_arguments(const TrainOptions& options);

// Throws config_error where --resume names no folder.
void check_resume_option(const std::string& resume);

}  // namespace llmtrain
