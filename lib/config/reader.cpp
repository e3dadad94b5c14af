#include "lib/config/reader.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <optional>
#include <utility>

#include "lib/base/text.h"
#include "lib/config/overrides.h"
#include "lib/config/scalar_values.h"
#include "lib/config/suggest.h"

namespace llmtrain {
namespace {

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

// "wide" is below "wide.deep" and itself, "wider" is not.
bool is_at_or_below(std::string_view path, std::string_view above) {
  return path.starts_with(above) &&
         (path.size() == above.size() || path[above.size()] == '.' || path[above.size()] == '[');
}

bool within(const Constraint& constraint, double value) {
  if (constraint.minimum &&
      (constraint.minimum_is_excluded ? value <= *constraint.minimum : value < *constraint.minimum))
    return false;
  return !constraint.maximum ||
         (constraint.maximum_is_excluded ? value < *constraint.maximum : value <= *constraint.maximum);
}

bool fits(const Constraint& constraint, std::string_view text) {
  if (constraint.not_empty && text.empty()) return false;
  if (text.find('\0') != std::string_view::npos) return false;  // ends a path or an argument where it stands
  if (!constraint.plain_name) return true;
  constexpr std::size_t kLongestName = 255;  // of a file, on every file system of note
  const bool has_control =
      std::any_of(text.begin(), text.end(), [](char c) { return std::iscntrl(static_cast<unsigned char>(c)) != 0; });
  return !has_control && text.size() <= kLongestName && text.find('/') == std::string_view::npos && text != "." &&
         text != "..";
}

class Reader {
 public:
  Reader(const KeySpec& root, const YamlText& source, ConfigFaults& faults, Origins& origins)
      : root_(root), source_(source), faults_(faults), origins_(origins) {}

  // place: where to point at for the section as a whole, and for keys that it lacks. node: null if it is not given.
  void section(const YamlNode* node, const SectionRef& section, const KeySpec& spec, const std::string& path,
               const Place& place) {
    const std::size_t faults_before = faults_.count() + refused_;
    const auto unknown = node == nullptr ? std::vector<std::string>{} : unknown_keys(*node, spec, path);
    std::vector<std::pair<std::string, Place>> places;
    std::size_t index = 0;
    section.visit(section.value, [&](const FieldRef& field) {
      const KeySpec& key = spec.children.at(index++);
      const YamlEntry* entry = node == nullptr ? nullptr : node->find(field.name);
      const std::string below = join_path(path, field.name);
      if (entry != nullptr) {
        places.emplace_back(field.name, entry->place);
        this->value(entry->value, field.value, key, below, entry->place);
      } else if (key.constraint.required) {
        const bool misspelt = std::any_of(unknown.begin(), unknown.end(),
                                          [&](const std::string& meant) { return is_at_or_below(meant, below); });
        if (!misspelt) missing(key, below, place);
      } else if (const auto* inner = std::get_if<SectionRef>(&field.value.to)) {
        this->section(nullptr, *inner, key, below, place);
      }
    });
    if (section.check != nullptr && faults_.count() + refused_ == faults_before)
      contradictions(section, path, place, places);
  }

 private:
  // Reports them; returns the full paths that were meant.
  std::vector<std::string> unknown_keys(const YamlNode& node, const KeySpec& spec, const std::string& path) {
    std::vector<std::string> meant;
    for (const auto& entry : node.entries) {
      if (spec.child(entry.key) != nullptr) continue;
      if (faults_.full()) break;
      const auto suggestion = suggest_key(root_, path, entry.key);
      faults_.add(entry.place, unknown_key_text(join_path(path, entry.key), suggestion, spec));
      if (suggestion) meant.push_back(*suggestion);
    }
    return meant;
  }

  void missing(const KeySpec& key, const std::string& path, const Place& place) {
    std::string_view description = key.description;
    if (description.ends_with('.')) description.remove_suffix(1);
    faults_.add(place, fmt::format("missing key '{}', expected {} ({})", path, expected_text(key), description));
  }

  void contradictions(const SectionRef& section, const std::string& path, const Place& place,
                      const std::vector<std::pair<std::string, Place>>& places) {
    Contradictions found;
    section.check(section.value, found);
    for (const auto& [key, why] : found.found()) {
      const std::string first = key.substr(0, key.find_first_of(".["));
      const auto at =
          std::find_if(places.begin(), places.end(), [&](const auto& known) { return known.first == first; });
      const std::string full = key.empty() ? path : join_path(path, key);
      faults_.add(at == places.end() ? place : at->second, full.empty() ? why : fmt::format("'{}': {}", full, why));
    }
  }

  void value(const YamlNode& node, const ValueRef& to, const KeySpec& spec, const std::string& path,
             const Place& key_place) {
    if (node.refused) {
      ++refused_;
      return;
    }
    if (const auto* optional = std::get_if<OptionalRef>(&to.to)) {
      if (node.kind == YamlKind::kNull) {
        optional->reset(optional->value);
        return;
      }
      const bool given = optional->given(optional->value);
      value(node, given ? optional->get(optional->value) : optional->emplace(optional->value), spec, path, key_place);
      return;
    }
    if (node.kind == YamlKind::kEmpty) {
      faults_.add(key_place, fmt::format("'{}': expected {}, got nothing; leave the key out for {}", path,
                                         expected_text(spec), spec.optional ? "none" : "its default"));
      return;
    }
    origins_[path] =
        place_text(source_, key_place) + (node.variables.empty() ? "" : fmt::format(" ({})", node.variables));
    if (const auto* section = std::get_if<SectionRef>(&to.to)) {
      if (node.kind != YamlKind::kMap) return wrong(node, spec, path, section_hint(spec));
      this->section(&node, *section, spec, path, key_place);
    } else if (const auto* list = std::get_if<ListRef>(&to.to)) {
      this->list(node, *list, spec, path);
    } else if (node.kind != YamlKind::kScalar) {
      wrong(node, spec, path, node.kind == YamlKind::kNull ? "leave the key out for its default" : "");
    } else {
      scalar(node, to, spec, path);
    }
  }

  static std::string section_hint(const KeySpec& spec) {
    if (spec.children.empty()) return "";
    return fmt::format("its keys begin with {}", spec.children.front().name);
  }

  void list(const YamlNode& node, const ListRef& list, const KeySpec& spec, const std::string& path) {
    if (node.kind != YamlKind::kList) {
      const bool one = node.kind == YamlKind::kMap || node.kind == YamlKind::kScalar;
      return wrong(node, spec, path, one ? "write '- ' before each item" : "");
    }
    if (node.items.empty() && spec.constraint.not_empty) {
      faults_.add(node.place, fmt::format("'{}': expected {}, got an empty one", path, expected_text(spec)));
      return;
    }
    list.clear(list.value);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = node.items[i];
      value(item, list.append(list.value), spec.item(), fmt::format("{}[{}]", path, i), item.place);
    }
  }

  void wrong(const YamlNode& node, const KeySpec& spec, const std::string& path, const std::string& hint) {
    faults_.add(node.place, fmt::format("'{}': expected {}, got {}{}", path, expected_text(spec), found_text(node),
                                        hint.empty() ? "" : "; " + hint));
  }

  // A bool or a number: not quoted, unless it had to be for a variable in it.
  template <class T>
  void typed(const YamlNode& node, T& to, const KeySpec& spec, const std::string& path, Parsed<T> parsed) {
    if (node.quoted && node.variables.empty()) {
      return wrong(node, spec, path, parsed.value ? "take the quotes off" : parsed.hint);
    }
    if (!parsed.value) return wrong(node, spec, path, parsed.hint);
    if (!is_within(spec.constraint, *parsed.value)) return wrong(node, spec, path, "");
    to = *parsed.value;
  }
  static bool is_within(const Constraint& c, bool value) { return within(c, value ? 1.0 : 0.0); }
  static bool is_within(const Constraint& c, std::int64_t value) { return within(c, static_cast<double>(value)); }
  static bool is_within(const Constraint& c, double value) { return within(c, value); }
  static bool is_within(const Constraint& c, Bytes value) { return within(c, static_cast<double>(value.value)); }
  static bool is_within(const Constraint& c, Duration value) { return within(c, value.seconds); }
  static bool is_within(const Constraint& c, AutoCount value) {
    return value.automatic() || within(c, static_cast<double>(value.value));
  }

  void scalar(const YamlNode& node, const ValueRef& to, const KeySpec& spec, const std::string& path) {
    if (auto* const* flag = std::get_if<bool*>(&to.to)) {
      typed(node, **flag, spec, path, parse_bool(node.text));
    } else if (auto* const* integer = std::get_if<std::int64_t*>(&to.to)) {
      typed(node, **integer, spec, path, parse_integer(node.text));
    } else if (auto* const* number = std::get_if<double*>(&to.to)) {
      typed(node, **number, spec, path, parse_number(node.text));
    } else if (auto* const* bytes = std::get_if<Bytes*>(&to.to)) {
      typed(node, **bytes, spec, path, parse_bytes(node.text));
    } else if (auto* const* duration = std::get_if<Duration*>(&to.to)) {
      typed(node, **duration, spec, path, parse_duration(node.text));
    } else if (auto* const* count = std::get_if<AutoCount*>(&to.to)) {
      typed(node, **count, spec, path, parse_auto_count(node.text));
    } else if (auto* const* text = std::get_if<std::string*>(&to.to)) {
      if (!fits(spec.constraint, node.text)) return wrong(node, spec, path, "");
      **text = node.text;
    } else if (const auto* choice = std::get_if<EnumRef>(&to.to)) {
      const auto found = std::find(choice->names.begin(), choice->names.end(), node.text);
      if (found == choice->names.end()) {
        const auto meant = nearest(node.text.substr(0, 64), spec.choices);
        return wrong(node, spec, path, meant ? fmt::format("did you mean '{}'?", *meant) : "");
      }
      choice->assign(choice->value, static_cast<std::size_t>(found - choice->names.begin()));
    }
  }

  const KeySpec& root_;
  const YamlText& source_;
  ConfigFaults& faults_;
  Origins& origins_;
  std::size_t refused_ = 0;  // values that had a fault before they came here
};

}  // namespace

void read_section(const YamlNode& node, const SectionRef& section, const KeySpec& spec, const YamlText& source,
                  ConfigFaults& faults, Origins& origins) {
  Reader(spec, source, faults, origins).section(&node, section, spec, "", {});
}

Origins read_text(const YamlText& source, const SectionRef& section, const KeySpec& spec, const ReadOptions& options) {
  ConfigFaults faults(source);
  Origins origins;
  YamlNode root = parse_yaml(source, faults);
  if (root.kind == YamlKind::kMap) {
    apply_overrides(root, options.overrides, spec, faults);
    replace_variables(root, options.variables, faults);
    read_section(root, section, spec, source, faults, origins);
    if (faults.count() > 0 && options.more_faults) faults.add_placed(options.more_faults(origins, faults));
  }
  faults.throw_if_any();
  return origins;
}

}  // namespace llmtrain
