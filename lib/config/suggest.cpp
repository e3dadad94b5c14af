#include "lib/config/suggest.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShownKey = 80;
constexpr std::size_t kLongestKey = 64;  // longer texts are no typing errors, and edit distance is quadratic
constexpr std::size_t kTellingKey = 4;   // a shorter key is near to too many others to look for it elsewhere

// Without what people vary: case, hyphens, underscores.
std::string squashed(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (c != '-' && c != '_' && c != ' ') text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return text;
}

std::vector<std::string> split_words(std::string_view key) {
  std::vector<std::string> words(1);
  for (const char c : key) {
    if (c == '-' || c == '_' || c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const auto part = path.substr(0, path.find('.'));
    parts.emplace_back(part);
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return parts;
}

std::size_t common_prefix(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::size_t count = 0;
  while (count < a.size() && count < b.size() && without_indices(a[count]) == without_indices(b[count])) ++count;
  return count;
}

// The spec's path with the indices of where we are; the first item elsewhere.
std::string with_indices(std::string_view spec_path, std::string_view section_path) {
  auto parts = components(spec_path);
  const auto here = components(section_path);
  const std::size_t shared = common_prefix(parts, here);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i < shared) {
      parts[i] = here[i];
    } else if (parts[i].ends_with("[]")) {
      parts[i].insert(parts[i].size() - 1, "0");
    }
  }
  return fmt::format("{}", fmt::join(parts, "."));
}

void collect_keys(const KeySpec& spec, std::vector<const KeySpec*>& keys) {
  for (const auto& child : spec.children) {
    if (!child.name.empty()) keys.push_back(&child);
    collect_keys(child, keys);
  }
}

// The key that `fits`, fewest steps through the tree away from the section; of equals the one below it.
template <class Fits>
const KeySpec* nearest_in_tree(const KeySpec& root, std::string_view section_path, const Fits& fits) {
  std::vector<const KeySpec*> keys;
  collect_keys(root, keys);
  const auto here = components(section_path);
  const KeySpec* best = nullptr;
  std::size_t best_steps = std::numeric_limits<std::size_t>::max();
  for (const KeySpec* key : keys) {
    if (!fits(*key)) continue;
    const auto there = components(key->path);
    const std::size_t shared = common_prefix(here, there);
    const bool below = shared == here.size();
    const std::size_t steps = 2 * (here.size() + there.size() - 2 * shared) + (below ? 0 : 1);
    if (steps < best_steps) {
      best_steps = steps;
      best = key;
    }
  }
  return best;
}

std::optional<std::string> near_sibling(const KeySpec& section, std::string_view key) {
  std::vector<std::string> names;
  for (const auto& child : section.children) names.push_back(child.name);
  return nearest(key, names);
}

bool is_start(std::string_view start, std::string_view word) { return start.size() >= 3 && word.starts_with(start); }

// Whether one is an abbreviation of the other ("seq_len", "gradient_clipping"), or a word of it ("max_steps",
// "warmup").
bool is_related(const KeySpec& spec, std::string_view key) {
  const auto ours = split_words(spec.name);
  const auto theirs = split_words(key);
  const auto holds = [](const std::vector<std::string>& words, std::string_view word) {
    return word.size() >= kTellingKey && std::find(words.begin(), words.end(), word) != words.end();
  };
  if (holds(theirs, spec.name) || holds(ours, key)) return true;
  return std::equal(ours.begin(), ours.end(), theirs.begin(), theirs.end(),
                    [](const auto& a, const auto& b) { return is_start(a, b) || is_start(b, a); });
}

// Whether the description speaks of every word of the key: "learning_rate" of "Peak learning rate."
bool speaks_of(const KeySpec& spec, std::string_view key) {
  constexpr std::size_t kShortestWord = 3;
  const std::string text = squashed(spec.description);
  std::size_t words = 0;
  for (const auto& word : split_words(key)) {
    if (word.size() < kShortestWord || text.find(squashed(word)) == std::string::npos) return false;
    ++words;
  }
  return words > 1;
}

}  // namespace

std::optional<std::string> suggest_key(const KeySpec& root, std::string_view section_path, std::string_view key) {
  if (key.size() > kLongestKey) return std::nullopt;
  const KeySpec* section = find_spec(root, section_path);
  const auto below = [&](const std::string& name) {
    return section_path.empty() ? name : fmt::format("{}.{}", section_path, name);
  };
  const auto elsewhere = [&](const auto& fits) -> std::optional<std::string> {
    const KeySpec* found = nearest_in_tree(root, section_path, fits);
    if (found == nullptr) return std::nullopt;
    return with_indices(found->path, section_path);
  };
  const std::string bare = squashed(key);
  if (section != nullptr) {
    for (const auto& child : section->children) {
      if (squashed(child.name) == bare) return below(child.name);
    }
  }
  if (auto found = elsewhere([&](const KeySpec& spec) { return spec.name == key; })) return found;
  if (section != nullptr) {
    if (const auto name = near_sibling(*section, key)) return below(*name);
  }
  if (auto found = elsewhere([&](const KeySpec& spec) { return squashed(spec.name) == bare; })) return found;
  if (key.size() < kTellingKey) return std::nullopt;
  if (auto found = elsewhere([&](const KeySpec& spec) { return edit_distance(spec.name, key) == 1; })) return found;
  if (auto found = elsewhere([&](const KeySpec& spec) { return is_related(spec, key); })) return found;
  return elsewhere([&](const KeySpec& spec) { return spec.is_leaf() && speaks_of(spec, key); });
}

namespace {

std::optional<std::string> suggest_path(const KeySpec& root, std::string_view path) {
  auto parts = components(path);
  std::string known;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string next = known.empty() ? parts[i] : fmt::format("{}.{}", known, parts[i]);
    if (find_spec(root, next) != nullptr) {
      known = next;
      continue;
    }
    const std::size_t bracket = std::min(parts[i].find('['), parts[i].size());
    const auto meant = suggest_key(root, known, std::string_view(parts[i]).substr(0, bracket));
    if (!meant) {
      known.clear();
      break;
    }
    known = *meant + parts[i].substr(bracket);
  }
  if (!known.empty() && find_spec(root, known) != nullptr) return known;
  // The last key alone, wherever it is at home.
  if (parts.empty()) return std::nullopt;
  return suggest_key(root, "", parts.back());
}

}  // namespace

std::string unknown_key_text(std::string_view path, const std::optional<std::string>& suggestion,
                             const KeySpec& section) {
  const std::string shown = printable(path, kShownKey);
  if (suggestion) return fmt::format("unknown key '{}'; did you mean '{}'?", shown, *suggestion);
  std::vector<std::string_view> names;
  for (const auto& child : section.children) names.push_back(child.name);
  return fmt::format("unknown key '{}'; the keys here are {}", shown, fmt::join(names, ", "));
}

std::string unknown_path_text(const KeySpec& root, std::string_view path) {
  const KeySpec* section = &root;
  for (auto known = path; known.find('.') != std::string_view::npos && section == &root;) {
    known = known.substr(0, known.rfind('.'));
    const KeySpec* spec = find_spec(root, known);
    if (spec != nullptr && spec->kind == ValueKind::kSection) section = spec;
  }
  return unknown_key_text(path, suggest_path(root, path), *section);
}

}  // namespace llmtrain
