#include "lib/config/key_spec.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/config/writer.h"

namespace llmtrain {
namespace {

ValueKind kind_of(const ValueRef& value) {
  struct Kinds {
    ValueKind operator()(bool*) const { return ValueKind::kBool; }
    ValueKind operator()(std::int64_t*) const { return ValueKind::kInteger; }
    ValueKind operator()(double*) const { return ValueKind::kNumber; }
    ValueKind operator()(std::string*) const { return ValueKind::kString; }
    ValueKind operator()(Bytes*) const { return ValueKind::kBytes; }
    ValueKind operator()(Duration*) const { return ValueKind::kDuration; }
    ValueKind operator()(AutoCount*) const { return ValueKind::kAutoCount; }
    ValueKind operator()(const EnumRef&) const { return ValueKind::kEnum; }
    ValueKind operator()(const SectionRef&) const { return ValueKind::kSection; }
    ValueKind operator()(const ListRef&) const { return ValueKind::kList; }
    ValueKind operator()(const OptionalRef& optional) const { return kind_of(optional.get(optional.value)); }
  };
  return std::visit(Kinds{}, value.to);
}

void describe_value(const ValueRef& value, KeySpec& spec);

void describe_section(const SectionRef& section, KeySpec& spec) {
  section.visit(section.value, [&](const FieldRef& field) {
    KeySpec child;
    child.name = field.name;
    child.path = spec.path.empty() ? child.name : fmt::format("{}.{}", spec.path, child.name);
    child.description = field.description;
    child.constraint = field.constraint;
    if (spec.constraint.may_change) child.constraint.may_change = true;
    describe_value(field.value, child);
    spec.children.push_back(std::move(child));
  });
}

// The value is a default, and the description's own: it may be filled and emptied to look at what it can hold.
void describe_value(const ValueRef& value, KeySpec& spec) {
  if (const auto* optional = std::get_if<OptionalRef>(&value.to)) {
    // A default of its own would come back when the writer leaves out an optional that was set to null.
    ENSURE(!optional->given(optional->value), spec.path);
    describe_value(optional->emplace(optional->value), spec);
    optional->reset(optional->value);
    spec.default_text.reset();
    spec.optional = true;
    return;
  }
  spec.kind = kind_of(value);
  if (const auto* section = std::get_if<SectionRef>(&value.to)) {
    describe_section(*section, spec);
    return;
  }
  if (!spec.constraint.required) spec.default_text = flow_text(value);
  if (const auto* list = std::get_if<ListRef>(&value.to)) {
    KeySpec item;
    item.path = spec.path + "[]";
    item.constraint = spec.constraint;
    item.constraint.required = false;
    list->clear(list->value);
    describe_value(list->append(list->value), item);
    item.default_text.reset();
    list->clear(list->value);
    spec.children.push_back(std::move(item));
  } else if (const auto* choice = std::get_if<EnumRef>(&value.to)) {
    spec.choices.assign(choice->names.begin(), choice->names.end());
  }
}

std::string bounds_text(const KeySpec& spec) {
  Constraint constraint = spec.constraint;
  if (spec.kind == ValueKind::kAutoCount && !constraint.minimum) constraint.minimum = 1;
  const auto bound = [&](double limit) {
    if (limit == 0.0) return std::string("0");
    if (spec.kind == ValueKind::kBytes) return format_bytes({.value = static_cast<std::int64_t>(limit)});
    if (spec.kind == ValueKind::kDuration) return format_duration({.seconds = limit});
    return fmt::format("{}", limit);
  };
  const bool closed = !constraint.minimum_is_excluded && !constraint.maximum_is_excluded;
  if (constraint.minimum && constraint.maximum && closed) {
    return fmt::format(" from {} to {}", bound(*constraint.minimum), bound(*constraint.maximum));
  }
  std::string text;
  if (constraint.minimum) {
    text += fmt::format(" {} {}", constraint.minimum_is_excluded ? "above" : "of at least", bound(*constraint.minimum));
  }
  if (constraint.maximum) {
    if (constraint.minimum) text += " and";
    const bool first = !constraint.minimum;
    text += fmt::format(" {} {}",
                        constraint.maximum_is_excluded ? "below"
                        : first                        ? "of at most"
                                                       : "at most",
                        bound(*constraint.maximum));
  }
  return text;
}

}  // namespace

const KeySpec* KeySpec::child(std::string_view key) const {
  if (kind != ValueKind::kSection) return nullptr;
  const auto found = std::find_if(children.begin(), children.end(), [&](const KeySpec& c) { return c.name == key; });
  return found == children.end() ? nullptr : &*found;
}

KeySpec describe(const SectionRef& root) {
  KeySpec spec;
  describe_section(root, spec);
  return spec;
}

std::string expected_text(const KeySpec& spec) {
  switch (spec.kind) {
    case ValueKind::kBool:
      return "true or false";
    case ValueKind::kInteger:
      return "an integer" + bounds_text(spec);
    case ValueKind::kNumber:
      return "a number" + bounds_text(spec);
    case ValueKind::kString:
      if (spec.constraint.plain_name) return "a plain name (no '/' or control character, at most 255 bytes)";
      return spec.constraint.not_empty ? "text, not empty" : "text";
    case ValueKind::kBytes:
      return fmt::format("a size{} (such as 64MiB)", bounds_text(spec));
    case ValueKind::kDuration:
      return fmt::format("a duration{} (such as 1h30m)", bounds_text(spec));
    case ValueKind::kAutoCount:
      return "auto, or an integer" + bounds_text(spec);
    case ValueKind::kEnum:
      return fmt::format("one of {}", fmt::join(spec.choices, ", "));
    case ValueKind::kSection:
      return "a section of keys";
    case ValueKind::kList:
      return spec.constraint.not_empty ? "a list, not empty" : "a list";
  }
  return "?";
}

const KeySpec* find_spec(const KeySpec& root, std::string_view path) {
  const KeySpec* spec = &root;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    // A list may be named without an index on the way to its item's keys.
    if (spec->kind == ValueKind::kList) spec = &spec->item();
    spec = spec->child(part.substr(0, part.find('[')));
    if (spec == nullptr) return nullptr;
    if (part.find('[') != std::string_view::npos) {
      const bool one_index = part.find('[') == part.rfind('[') && part.ends_with(']');
      if (spec->kind != ValueKind::kList || !one_index) return nullptr;
      spec = &spec->item();
    }
  }
  return spec;
}

std::string without_indices(std::string_view path) {
  std::string plain;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) plain += c;
    if (c == '[') inside = true;
  }
  return plain;
}

}  // namespace llmtrain
