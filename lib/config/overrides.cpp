#include "lib/config/overrides.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "lib/base/text.h"
#include "lib/config/suggest.h"

namespace llmtrain {
namespace {

constexpr Place kSet = {.set = true};
constexpr std::size_t kShownOverride = 80;

// One step of a path: a key, then any indices.
struct Step {
  std::string key;
  std::vector<std::size_t> indices;
};

// Nothing if the path is not of the form key[index].key.
std::optional<std::vector<Step>> split_path(std::string_view path) {
  std::vector<Step> steps;
  while (true) {
    const auto part = path.substr(0, path.find('.'));
    Step step{.key = std::string(part.substr(0, part.find('['))), .indices = {}};
    if (step.key.empty()) return std::nullopt;
    for (auto rest = part.substr(step.key.size()); !rest.empty();) {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), index);
      if (rest[0] != '[' || error != std::errc() || end == rest.data() + rest.size() || *end != ']') {
        return std::nullopt;
      }
      step.indices.push_back(index);
      rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
    }
    steps.push_back(std::move(step));
    if (part.size() == path.size()) return steps;
    path.remove_prefix(part.size() + 1);
  }
}

// Makes the node hold what the path needs; false if the file has something else there.
bool become(YamlNode& node, YamlKind kind) {
  if (node.kind == YamlKind::kEmpty || node.kind == YamlKind::kNull) {
    node.kind = kind;
    node.place = kSet;
  }
  return node.kind == kind;
}

YamlNode empty_node() {
  YamlNode node;
  node.place = kSet;
  return node;
}

YamlEntry& entry_of(YamlNode& map, const std::string& key) {
  if (YamlEntry* entry = map.find(key)) return *entry;
  return map.entries.emplace_back(YamlEntry{.key = key, .place = kSet, .value = empty_node()});
}

void put(YamlNode& root, const std::vector<Step>& steps, YamlNode value, std::string_view path, ConfigFaults& faults) {
  YamlNode* node = &root;
  std::string walked;
  for (const auto& step : steps) {
    if (!become(*node, YamlKind::kMap)) {
      faults.add(kSet, fmt::format("cannot set '{}': '{}' is {} in the file", path, walked, found_text(*node)));
      return;
    }
    walked += (walked.empty() ? "" : ".") + step.key;
    YamlEntry& entry = entry_of(*node, step.key);
    if (&step == &steps.back() && step.indices.empty()) entry.place = kSet;
    node = &entry.value;
    for (const std::size_t index : step.indices) {
      if (!become(*node, YamlKind::kList) || index > node->items.size()) {
        const std::string found =
            node->kind == YamlKind::kList ? fmt::format("has {} items", node->items.size()) : "is " + found_text(*node);
        faults.add(kSet, fmt::format("cannot set '{}': '{}' {} in the file", path, walked, found));
        return;
      }
      if (index == node->items.size()) node->items.push_back(empty_node());
      node = &node->items[index];
      walked += fmt::format("[{}]", index);
    }
  }
  *node = std::move(value);
}

}  // namespace

void apply_overrides(YamlNode& root, const std::vector<std::string>& overrides, const KeySpec& spec,
                     ConfigFaults& faults) {
  for (const auto& text : overrides) {
    const std::size_t equals = text.find('=');
    const std::string path = text.substr(0, equals);
    const auto steps = split_path(path);
    if (equals == std::string::npos || !steps || find_invalid_utf8(text)) {
      faults.add(kSet, fmt::format("expected KEY=VALUE, got '{}'; try --set pretrain.optim.lr=1e-4",
                                   printable(text, kShownOverride)));
      continue;
    }
    if (find_spec(spec, path) == nullptr) {
      faults.add(kSet, unknown_path_text(spec, path));
      continue;
    }
    put(root, *steps, parse_set_value(text.substr(equals + 1), path, faults), path, faults);
  }
}

}  // namespace llmtrain
