#include "lib/config/config_changes.h"

#include <utility>

#include "lib/base/error.h"
#include "lib/config/key_spec.h"
#include "lib/config/pipeline.h"
#include "lib/config/value_ref.h"
#include "lib/config/writer.h"

namespace llmtrain {
namespace {

std::vector<FieldRef> fields_of(const SectionRef& section) {
  std::vector<FieldRef> all;
  section.visit(section.value, [&](const FieldRef& field) { all.push_back(field); });
  return all;
}

// What an optional holds, the value itself otherwise; nothing to descend into where it is not given.
ValueRef inner(const ValueRef& value) {
  const auto* optional = std::get_if<OptionalRef>(&value.to);
  const bool given = optional != nullptr && optional->given(optional->value);
  return given ? optional->get(optional->value) : value;
}

class Comparison {
 public:
  void section(const SectionRef& before, const SectionRef& now, const std::string& path) {
    const auto old_fields = fields_of(before);
    const auto new_fields = fields_of(now);
    for (std::size_t i = 0; i < old_fields.size(); ++i) {
      const std::string name(old_fields[i].name);
      value(old_fields[i].value, new_fields[i].value, path.empty() ? name : path + "." + name);
    }
  }

  // before, now: of the same field.
  void value(const ValueRef& before, const ValueRef& now, const std::string& path) {
    const ValueRef old_value = inner(before);
    const ValueRef new_value = inner(now);
    const auto* old_section = std::get_if<SectionRef>(&old_value.to);
    const auto* new_section = std::get_if<SectionRef>(&new_value.to);
    if (old_section != nullptr && new_section != nullptr) return section(*old_section, *new_section, path);
    const auto* old_list = std::get_if<ListRef>(&old_value.to);
    const auto* new_list = std::get_if<ListRef>(&new_value.to);
    if (old_list != nullptr && new_list != nullptr && same_length(*old_list, *new_list)) {
      for (std::size_t i = 0; i < old_list->size(old_list->value); ++i) {
        value(old_list->at(old_list->value, i), new_list->at(new_list->value, i), fmt::format("{}[{}]", path, i));
      }
      return;
    }
    std::string old_text = flow_text(before);
    std::string new_text = flow_text(now);
    if (old_text == new_text) return;
    const KeySpec* spec = find_spec(spec_, path);
    ENSURE(spec != nullptr, path);
    found_.push_back({.key = path,
                      .before = std::move(old_text),
                      .now = std::move(new_text),
                      .essential = !spec->constraint.may_change});
  }

  std::vector<ConfigChange> take() { return std::move(found_); }

 private:
  static bool same_length(const ListRef& a, const ListRef& b) { return a.size(a.value) == b.size(b.value); }

  KeySpec spec_ = pipeline_spec();
  std::vector<ConfigChange> found_;
};

bool is_used_by(std::string_view section, std::string_view stage) {
  return section == stage || section == "run" || section == "model" || section == "tokenizer";
}

}  // namespace

std::vector<ConfigChange> config_changes(const PipelineConfig& before, const PipelineConfig& now,
                                         std::string_view stage) {
  PipelineConfig old_config = before;  // the references that are walked can write
  PipelineConfig new_config = now;
  const auto old_sections = fields_of(detail::section_ref(old_config));
  const auto new_sections = fields_of(detail::section_ref(new_config));
  Comparison comparison;
  for (std::size_t i = 0; i < old_sections.size(); ++i) {
    if (!is_used_by(old_sections[i].name, stage)) continue;
    comparison.value(old_sections[i].value, new_sections[i].value, std::string(old_sections[i].name));
  }
  return comparison.take();
}

}  // namespace llmtrain
