#pragma once
#include <string>
#include <vector>

#include "lib/config/key_spec.h"
#include "lib/config/yaml_tree.h"

namespace llmtrain {

// Puts "full.path=value" (--set) into the tree of a file, in the order given, so that the reader checks both alike.
// A path may go through a list by index ("pretrain.data.train[0].weight"); the index after the last item of the file's
// list adds an item. The value is as in parse_set_value. Unknown paths, and indices past the list, are faults.
void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides, const KeySpec& spec,
                     ConfigFaults& faults);

}  // namespace llmtrain
