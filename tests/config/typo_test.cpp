#include <functional>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/config/pipeline.h"
#include "lib/config/reader.h"
#include "lib/config/yaml_tree.h"
#include "tests/support/test_support.h"

// Slips of the pen at every key of the quickstart as `config show` prints it: none may be accepted, and nearly all must
// be understood.
namespace llmtrain {
namespace {

YamlNode tree_of(const std::string& text) {
  const YamlText source{.name = "shown.yaml", .text = text};
  ConfigFaults faults(source);
  YamlNode root = parse_yaml(source, faults);
  faults.throw_if_any();
  return root;
}

std::string flow_of(const YamlNode& node) {
  std::vector<std::string> parts;
  switch (node.kind) {
    case YamlKind::kMap:
      for (const auto& entry : node.entries) {
        parts.push_back(fmt::format("{}: {}", yaml_scalar(entry.key), flow_of(entry.value)));
      }
      return fmt::format("{{{}}}", fmt::join(parts, ", "));
    case YamlKind::kList:
      for (const auto& item : node.items) parts.push_back(flow_of(item));
      return fmt::format("[{}]", fmt::join(parts, ", "));
    default:
      return node.quoted ? yaml_scalar(node.text) : node.text;
  }
}

// A key, by the section that holds it.
struct KeyPlace {
  std::string section;
  std::string name;
  std::string path() const { return section.empty() ? name : section + "." + name; }
};

void collect(const YamlNode& node, const std::string& path, std::vector<KeyPlace>& keys,
             std::set<std::string>& sections) {
  if (node.kind == YamlKind::kMap) {
    sections.insert(path);
    for (const auto& entry : node.entries) {
      keys.push_back({.section = path, .name = entry.key});
      collect(entry.value, keys.back().path(), keys, sections);
    }
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    collect(node.items[i], fmt::format("{}[{}]", path, i), keys, sections);
  }
}

YamlNode* node_at(YamlNode& root, std::string_view path) {
  YamlNode* node = &root;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('.'));
    node = &node->find(part.substr(0, part.find('[')))->value;
    if (part.ends_with(']')) node = &node->items.at(std::stoul(std::string(part.substr(part.find('[') + 1))));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return node;
}

std::string parent_of(const std::string& section) {
  const std::size_t dot = section.rfind('.');
  return dot == std::string::npos ? "" : section.substr(0, dot);
}

class TypoTest : public testing::Test {
 protected:
  void SetUp() override {
    shown_ = write_config(load_pipeline(LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml", whole_model()).config);
    collect(tree_of(shown_), "", keys_, sections_);
    ASSERT_GT(keys_.size(), 40U);
  }

  // `config show` prints a model with all its fields: any value will do here.
  std::vector<std::string> whole_model() const {
    std::vector<std::string> overrides;
    for (const auto& key : spec_.child("model")->children) {
      if (key.kind == ValueKind::kInteger) overrides.push_back(key.path + "=64");
      if (key.kind == ValueKind::kNumber) overrides.push_back(key.path + "=0.5");
      if (key.kind == ValueKind::kBool) overrides.push_back(key.path + "=true");
      if (key.kind == ValueKind::kEnum) overrides.push_back(key.path + "=" + key.choices.back());
      if (key.kind == ValueKind::kSection) overrides.push_back(key.path + "={}");
    }
    return overrides;
  }

  // Puts the key under another name or into another section, and looks at what is said.
  void slip(const std::string& kind, const KeyPlace& key, const std::string& section, const std::string& name) {
    YamlNode root = tree_of(shown_);
    const std::string wrong = section.empty() ? name : section + "." + name;
    if (find_spec(spec_, wrong) != nullptr) return;  // a key as well
    auto& from = node_at(root, key.section)->entries;
    const auto at =
        std::find_if(from.begin(), from.end(), [&](const YamlEntry& entry) { return entry.key == key.name; });
    YamlEntry entry = *at;
    entry.key = name;
    from.erase(at);
    node_at(root, section)->entries.push_back(entry);
    const std::string said = error_of(ExitCode::kUsage, [&] {
      PipelineConfig config;
      read_config({.name = "typo.yaml", .text = flow_of(root)}, config);
      ADD_FAILURE() << "accepted: " << wrong << " for " << key.path();
    });
    const std::string expected = fmt::format("unknown key '{}'; did you mean '{}'?", wrong, key.path());
    ++tried_[kind];
    if (said.find(expected) != std::string::npos) {
      ++understood_[kind];
    } else {
      missed_ += fmt::format("  {}: {} for {}\n", kind, wrong, key.path());
    }
  }

  void expect_understood(double share) {
    int tried = 0;
    int understood = 0;
    for (const auto& [kind, count] : tried_) {
      tried += count;
      understood += understood_[kind];
      fmt::print("{:<22} {:>4} of {:>4}\n", kind, understood_[kind], count);
    }
    fmt::print("{:<22} {:>4} of {:>4}: {:.1f} %\n", "understood", understood, tried, 100.0 * understood / tried);
    EXPECT_GE(understood, share * tried) << missed_;
  }

  const KeySpec spec_ = pipeline_spec();
  std::mt19937 random_{20240229};
  std::string shown_;
  std::vector<KeyPlace> keys_;
  std::set<std::string> sections_;
  std::map<std::string, int> tried_;
  std::map<std::string, int> understood_;
  std::string missed_;
};

TEST_F(TypoTest, NoneIsAcceptedAndNearlyAllAreUnderstood) {
  for (const auto& key : keys_) {
    const std::string& name = key.name;
    const auto position = [&](std::size_t count) { return random_() % count; };
    for (int round = 0; round < 3; ++round) {
      std::string typo = name;
      slip("letter dropped", key, key.section, typo.erase(position(name.size()), 1));
      typo = name;
      const std::size_t doubled = position(name.size());
      slip("letter doubled", key, key.section, typo.insert(doubled, 1, name[doubled]));
      typo = name;
      const std::size_t swapped = position(name.size() - 1);
      std::swap(typo[swapped], typo[swapped + 1]);
      if (typo != name) slip("letters swapped", key, key.section, typo);
      const auto elsewhere = std::next(sections_.begin(), static_cast<std::ptrdiff_t>(position(sections_.size())));
      const bool inside = elsewhere->starts_with(key.path());
      if (!inside && *elsewhere != key.section) slip("another section", key, *elsewhere, name);
    }
    std::string hyphens = name;
    std::replace(hyphens.begin(), hyphens.end(), '_', '-');
    if (hyphens != name) slip("hyphen", key, key.section, hyphens);
    slip("plural or singular", key, key.section, name.ends_with('s') ? name.substr(0, name.size() - 1) : name + "s");
    if (!key.section.empty()) slip("a level too high", key, parent_of(key.section), name);
  }
  expect_understood(0.90);
}

}  // namespace
}  // namespace llmtrain
