#include "lib/config/explain.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/config/suggest.h"

namespace llmtrain {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

// Two columns, the second behind the widest of the first.
std::string table(const Rows& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string text;
  for (const auto& [left, right] : rows) {
    text += right.empty() ? left + "\n" : fmt::format("{:<{}}  {}\n", left, width, right);
  }
  return text;
}

// The section whose keys stand below the key, if any.
const KeySpec* section_below(const KeySpec& spec) {
  if (spec.kind == ValueKind::kSection) return &spec;
  if (spec.kind == ValueKind::kList) return section_below(spec.item());
  return nullptr;
}

void add_tree(const KeySpec& spec, std::size_t indent, Rows& rows) {
  const KeySpec* section = section_below(spec);
  if (section == nullptr) return;
  for (const auto& child : section->children) {
    const std::string mark = child.kind == ValueKind::kList && section_below(child) != nullptr ? "[]" : "";
    rows.emplace_back(std::string(indent, ' ') + child.name + mark, child.description);
    add_tree(child, indent + 2, rows);
  }
}

}  // namespace

std::string default_words(const KeySpec& spec) {
  if (spec.constraint.required) return "required";
  if (spec.optional) return "not given";
  return spec.default_text.value_or("its keys' defaults");
}

std::string value_words(const KeySpec& spec) {
  if (spec.kind != ValueKind::kList) return expected_text(spec);
  const std::string item = spec.item().kind == ValueKind::kSection ? "sections" : value_words(spec.item());
  return fmt::format("{} of {}", spec.constraint.not_empty ? "a list, not empty," : "a list", item);
}

std::string explain_tree(const KeySpec& root) {
  Rows rows;
  add_tree(root, 0, rows);
  return table(rows);
}

std::string explain_key(const KeySpec& root, std::string_view path) {
  const KeySpec* spec = find_spec(root, path);
  if (spec == nullptr) throw config_error("{}", unknown_path_text(root, path));
  // The item of a list is explained by the list.
  if (spec->name.empty() && spec != &root) return explain_key(root, path.substr(0, path.rfind('[')));
  std::string text = fmt::format("{}\n  {}\n\n", without_indices(path), spec->description);
  Rows rows = {{"  value", value_words(*spec)}, {"  default", default_words(*spec)}};
  if (spec->constraint.may_change) rows.emplace_back("  resume", "may differ from the run that is resumed");
  if (const KeySpec* section = section_below(*spec)) {
    rows.emplace_back("  keys", "");
    for (const auto& child : section->children) {
      rows.emplace_back("    " + child.name, fmt::format("{} [{}]", child.description, default_words(child)));
    }
  }
  return text + table(rows);
}

}  // namespace llmtrain
