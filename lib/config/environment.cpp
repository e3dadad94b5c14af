#include "lib/config/environment.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownName = 60;

bool is_variable_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

void replace_in_scalar(YamlNode& node, const VariableLookup& lookup, ConfigFaults& faults) {
  const std::size_t faults_before = faults.count();
  std::string text;
  std::size_t at = 0;
  const std::string_view from = node.text;
  while (at < from.size()) {
    const std::string_view rest = from.substr(at);
    if (rest.starts_with("$${")) {
      text += "${";
      at += 3;
    } else if (rest.starts_with("${")) {
      const std::size_t end = rest.find('}');
      if (end == std::string_view::npos) {
        faults.add(node.place, "'${' is not closed; write '$${' for the two characters themselves");
        node.refused = true;
        return;
      }
      const std::string name(rest.substr(2, end - 2));
      at += end + 1;
      const auto value = is_variable_name(name) ? lookup(name) : std::nullopt;
      if (!is_variable_name(name)) {
        faults.add(node.place, fmt::format("'${{{}}}' names no environment variable", printable(name, kShownName)));
      } else if (!value) {
        faults.add(node.place, fmt::format("environment variable '{}' is not set", printable(name, kShownName)));
      } else if (find_invalid_utf8(*value)) {
        faults.add(node.place, fmt::format("environment variable '{}' is not UTF-8", name));
      } else {
        text += *value;
        node.variables += fmt::format("{}${{{}}}", node.variables.empty() ? "" : " ", name);
      }
    } else {
      text += from[at++];
    }
  }
  node.refused = faults.count() != faults_before;
  node.text = std::move(text);
}

}  // namespace

std::optional<std::string> process_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

void replace_variables(YamlNode& node, const VariableLookup& lookup, ConfigFaults& faults) {
  if (node.kind == YamlKind::kScalar) replace_in_scalar(node, lookup, faults);
  for (auto& item : node.items) replace_variables(item, lookup, faults);
  for (auto& entry : node.entries) replace_variables(entry.value, lookup, faults);
}

}  // namespace llmtrain
