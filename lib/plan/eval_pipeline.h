#pragma once
#include <string>
#include <vector>

#include "lib/config/pipeline.h"

namespace llmtrain {

// What the command line says of an evaluation.
struct EvalSource {
  std::string pipeline = {};                // the file; "": none
  std::vector<std::string> overrides = {};  // --set
  std::vector<std::string> tasks = {};      // --task: "multiple_choice=facts.jsonl", instead of the file's tasks
};

// Reads and checks the pipeline file, its model made whole, or makes a pipeline that says nothing; with tasks on the
// command line, these are its eval section. Throws config_error (2) for faults of the file and of the tasks, for a GPU
// asked for, and where there is neither file nor task.
Pipeline load_eval_pipeline(const EvalSource& source);

}  // namespace llmtrain
