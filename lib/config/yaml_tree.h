#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/config_faults.h"

// A pipeline file as a tree that keeps what yaml-cpp's nodes lose: the place of every key, repeated keys, whether a
// value was quoted, and whether it was left empty.
namespace llmtrain {

enum class YamlKind {
  kEmpty,   // "key:" and nothing after it
  kNull,    // "~" or "null"
  kScalar,  // text
  kList,
  kMap,
};

struct YamlEntry;

struct YamlNode {
  YamlKind kind = YamlKind::kEmpty;
  Place place;
  std::string text;                // of a scalar
  bool quoted = false;             // a scalar in quotes, or a block scalar
  bool refused = false;            // has a fault already; what it is, is not looked at
  std::string variables;           // "${HOME}": what was replaced in the text
  std::vector<YamlNode> items;     // of a list
  std::vector<YamlEntry> entries;  // of a map, in the file's order, each key once

  // The value of a key of a map; null if it is not there.
  YamlEntry* find(std::string_view key);
  const YamlEntry* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  Place place;
  YamlNode value;
};

// Most of anything that is taken, so that no file can cost more than moments.
struct YamlLimits {
  static constexpr std::size_t kBytes = std::size_t{1} << 20;
  static constexpr std::size_t kDepth = 64;
  static constexpr std::size_t kNodes = 100'000;
};

// Reads one YAML document. What YAML allows and a pipeline file does not (anchors, aliases, tags, merge keys, keys that
// are no text, repeated keys, several documents) is added to `faults`, as are malformed UTF-8, control characters and
// tabs that indent. Throws all faults found so far where the text cannot be read on: a syntax error, or a limit above.
// The root is a map unless a fault says otherwise.
YamlNode parse_yaml(const YamlText& source, ConfigFaults& faults);

// Reads one value of --set: a flow list, a flow map or a quoted text as YAML; anything else is the text as it stands
// ("*.jsonl" is no alias), "~" and "null" are null, nothing is an empty value. Faults are placed at --set.
YamlNode parse_set_value(const std::string& value, std::string_view key, ConfigFaults& faults);

// "'abc'", or what else the node is: "a list", "null", "nothing". For messages.
std::string found_text(const YamlNode& node);

}  // namespace llmtrain
