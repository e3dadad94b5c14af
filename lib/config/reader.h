#pragma once
#include <functional>
#include <string>
#include <vector>

#include "lib/config/config_faults.h"
#include "lib/config/environment.h"
#include "lib/config/key_spec.h"
#include "lib/config/writer.h"
#include "lib/config/yaml_tree.h"

namespace llmtrain {

// Fills a section from a tree. Every key that is unknown, missing, of the wrong type, out of range or in contradiction
// with others is added to `faults` with the place where it stands; what has a fault keeps its default. Keys that are
// not given keep their defaults; an optional key that is null is not given. A key without any value is a fault: leave
// the key out, or write null. A list replaces the default list. Keys of a section are compared with each other only
// where each alone is right.
void read_section(const YamlNode& node, const SectionRef& section, const KeySpec& spec, const YamlText& source,
                  ConfigFaults& faults, Origins& origins);

struct ReadOptions {
  std::vector<std::string> overrides;  // "full.path=value", as of --set
  VariableLookup variables = process_variable;
  // Asked where there are faults already, for those that a later check of the same values would find, so that all are
  // reported at once. It sees what was read so far.
  std::function<std::vector<Fault>(const Origins&, const ConfigFaults&)> more_faults = nullptr;
};

// Reads, overrides, replaces variables and checks. Throws config_error (2) with every fault at once. spec: of section.
Origins read_text(const YamlText& source, const SectionRef& section, const KeySpec& spec, const ReadOptions& options);

template <ConfigStruct T>
Origins read_config(const YamlText& source, T& config, const ReadOptions& options = {}) {
  return read_text(source, detail::section_ref(config), describe<T>(), options);
}

}  // namespace llmtrain
