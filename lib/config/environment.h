#pragma once
#include <functional>
#include <optional>
#include <string>

#include "lib/config/yaml_tree.h"

namespace llmtrain {

// The value of an environment variable, or nothing if it is not set.
using VariableLookup = std::function<std::optional<std::string>(const std::string& name)>;

std::optional<std::string> process_variable(const std::string& name);

// Replaces ${NAME} in every scalar value (not in keys) below the node; "$${" stays as "${". What comes in is text and
// nothing else: it is never read as YAML, so it can add no key, list or null. A variable that is not set, a name that
// is none, and a "${" that is not closed are faults.
void replace_variables(YamlNode& node, const VariableLookup& lookup, ConfigFaults& faults);

}  // namespace llmtrain
