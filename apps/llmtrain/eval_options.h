#pragma once
#include <string>
#include <vector>

#include "apps/llmtrain/commands.h"
#include "lib/plan/eval_pipeline.h"

namespace llmtrain {

// What `llmtrain eval` takes, alike in the front and in the engine.
struct EvalOptions {
  EvalSource source;
  SharedOptions shared;
  std::string model;   // "": the pipeline's
  std::string output;  // a file for the JSON; "": none
  bool json = false;   // on stdout in place of the table
};

// "eval" with its options.
CLI::App* add_eval_options(CLI::App& app, EvalOptions& options);

// The command line behind the command's name that reads to the same options.
std::vector<std::string> to_arguments(const EvalOptions& options);

// The pipeline, as load_eval_pipeline gives it. Throws config_error (2) where no model is named either.
Pipeline load_checked_pipeline(const EvalOptions& options);

}  // namespace llmtrain
