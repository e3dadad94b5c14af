#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/pipeline_config.h"

namespace llmtrain {

// One key whose value differs between two configurations.
struct ConfigChange {
  std::string key;     // "pretrain.optim.lr"; a list whose length differs, and a section that one lacks, as a whole
  std::string before;  // flow YAML, "null" where it is not given
  std::string now;
  bool essential = false;  // a run may not be resumed with it; see Constraint::may_change
};

// What differs in the sections that a stage ("pretrain") uses: run, model, tokenizer and its own; in the order of the
// field lists. Presets are no values: make both models whole first.
std::vector<ConfigChange> config_changes(const PipelineConfig& before, const PipelineConfig& now,
                                         std::string_view stage);

}  // namespace llmtrain
