#pragma once
#include <map>
#include <string>
#include <string_view>

#include "lib/config/scalar_values.h"
#include "lib/config/value_ref.h"

namespace llmtrain {

// Where values came from, by full path; see pipeline.h.
using Origins = std::map<std::string, std::string>;

// Block YAML of a section, ending in a newline; keys in the order of the field lists, optional keys that are not given
// left out. Read again it gives the same values. With origins, a comment behind every value says where it came from.
std::string write_section(const SectionRef& root, const Origins* origins = nullptr);

template <ConfigStruct T>
std::string write_config(T config, const Origins* origins = nullptr) {
  return write_section(detail::section_ref(config), origins);
}

// One value in a line: "0.0003", "[a, b]", "{path: x}", "null" for an optional that is not given.
std::string flow_text(const ValueRef& value);

// Text as a YAML scalar: plain where every YAML reader takes that for the same text, else in double quotes.
// "${" is written "$${", so that nothing is replaced when it is read again.
std::string yaml_scalar(std::string_view text);

}  // namespace llmtrain
