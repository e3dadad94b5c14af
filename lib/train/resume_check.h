#pragma once
#include <string>
#include <vector>

#include "lib/config/pipeline_config.h"
#include "lib/train/run_facts.h"

namespace llmtrain {

struct ResumeRules {
  std::string stage;       // "pretrain"
  std::string checkpoint;  // its path, for messages
  bool accept_data_change = false;
};

// Whether a run may go on from a checkpoint (FAULTS: a change is harmless, or named and refused). Throws Error (6) for
// essential keys that changed, each with both values, other data and another tokenizer. Gives lines to print: harmless
// changes, and what may make bits differ (other LibTorch, other kernels, other threads).
std::vector<std::string> check_resume(const RunFacts& before, const RunFacts& now, const PipelineConfig& config,
                                      const ResumeRules& rules);

// The configuration that stands in a checkpoint. Throws Error (6) if it does not read any more.
PipelineConfig saved_config(const std::string& yaml, const std::string& checkpoint);

}  // namespace llmtrain
