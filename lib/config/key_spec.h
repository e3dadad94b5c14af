#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/value_ref.h"

namespace llmtrain {

enum class ValueKind { kBool, kInteger, kNumber, kString, kBytes, kDuration, kAutoCount, kEnum, kSection, kList };

// What may stand at one key: a field list as a tree of descriptions.
struct KeySpec {
  std::string name;  // "" for the whole file and for a list's item
  std::string path;  // "pretrain.data.train[].weight"
  std::string description;
  Constraint constraint;
  ValueKind kind = ValueKind::kSection;
  bool optional = false;                    // may be left out without having a default
  std::vector<std::string> choices;         // of an enum
  std::optional<std::string> default_text;  // as YAML; nothing for sections, required and optional keys
  std::vector<KeySpec> children;            // a section's keys; a list's item

  const KeySpec* child(std::string_view key) const;
  // The item's spec of a list.
  const KeySpec& item() const { return children.front(); }
  bool is_leaf() const { return kind != ValueKind::kSection && kind != ValueKind::kList; }
};

// root: a default value that is given up; optional keys are filled to look at what they hold.
KeySpec describe(const SectionRef& root);

// The description of a config struct and all below it.
template <ConfigStruct T>
KeySpec describe() {
  T defaults;
  return describe(detail::section_ref(defaults));
}

// "an integer above 0", "one of auto, cpu, cuda": what a value must be, for messages and explanations.
std::string expected_text(const KeySpec& spec);

// The spec at a path such as "pretrain.data.train[0].weight" ("train[]" and "train" serve as well); null if there is
// none.
const KeySpec* find_spec(const KeySpec& root, std::string_view path);

// "train[12]" → "train[]" everywhere in a path.
std::string without_indices(std::string_view path);

}  // namespace llmtrain
