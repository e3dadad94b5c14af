#include "lib/config/schema.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/config/scalar_values.h"
#include "lib/config/yaml_tree.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

// The grammars of scalar_values.h.
constexpr const char* kCountPattern =
    "^[-+]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?(k|K|M|G|B|T|Ki|Mi|Gi|Ti)?$";
constexpr const char* kBytesPattern =
    "^[-+]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)? ?(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)?$";
constexpr const char* kDurationPattern =
    "^(?=[0-9.])([0-9]*[.]?[0-9]*d)?([0-9]*[.]?[0-9]*h)?([0-9]*[.]?[0-9]*m)?([0-9]*[.]?[0-9]*s)?$";
constexpr const char* kVariablePattern = "[$][{][A-Za-z_][A-Za-z0-9_]*[}]";

Json pattern(const char* text) { return {{"type", "string"}, {"pattern", text}}; }
Json definition(const char* name) { return {{"$ref", std::string("#/$defs/") + name}}; }

// A bound as an integer where the value is one, so that editors show 1 and not 1.0.
Json bound(const KeySpec& spec, double limit) {
  const bool whole =
      spec.kind == ValueKind::kInteger || spec.kind == ValueKind::kBytes || spec.kind == ValueKind::kAutoCount;
  return whole ? Json(static_cast<std::int64_t>(limit)) : Json(limit);
}

Json bounded(const KeySpec& spec, const char* type) {
  Json schema = {{"type", type}};
  const Constraint& constraint = spec.constraint;
  if (constraint.minimum) {
    schema[constraint.minimum_is_excluded ? "exclusiveMinimum" : "minimum"] = bound(spec, *constraint.minimum);
  }
  if (constraint.maximum) {
    schema[constraint.maximum_is_excluded ? "exclusiveMaximum" : "maximum"] = bound(spec, *constraint.maximum);
  }
  return schema;
}

Json from_node(const KeySpec& spec, const YamlNode& node) {
  switch (spec.kind) {
    case ValueKind::kBool:
      return parse_bool(node.text).value.value();
    case ValueKind::kInteger:
      return parse_integer(node.text).value.value();
    case ValueKind::kNumber:
      return parse_number(node.text).value.value();
    case ValueKind::kAutoCount: {
      const auto count = parse_auto_count(node.text).value.value();
      return count.automatic() ? Json(format_auto_count(count)) : Json(count.value);
    }
    case ValueKind::kList: {
      Json list = Json::array();
      for (const auto& item : node.items) list.push_back(from_node(spec.item(), item));
      return list;
    }
    case ValueKind::kSection: {
      Json section = Json::object();
      for (const auto& entry : node.entries) section[entry.key] = from_node(*spec.child(entry.key), entry.value);
      return section;
    }
    default:
      return node.text;
  }
}

Json default_value(const KeySpec& spec) {
  const YamlText source{.name = "default", .text = "default: " + spec.default_text.value()};
  ConfigFaults faults(source);
  const YamlNode root = parse_yaml(source, faults);
  ENSURE(faults.count() == 0 && root.find("default") != nullptr, spec.path, source.text);
  return from_node(spec, root.find("default")->value);
}

// A section must be there if a key must be that it always has.
bool must_be_there(const KeySpec& spec) {
  if (spec.constraint.required) return true;
  return spec.kind == ValueKind::kSection && !spec.optional &&
         std::any_of(spec.children.begin(), spec.children.end(), must_be_there);
}

Json value_schema(const KeySpec& spec);

Json section_schema(const KeySpec& spec) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", Json::object()}};
  Json required = Json::array();
  for (const auto& child : spec.children) {
    Json property = value_schema(child);
    property["description"] = child.description;
    if (child.default_text) property["default"] = default_value(child);
    schema["properties"][child.name] = std::move(property);
    if (must_be_there(child)) required.push_back(child.name);
  }
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json auto_count_schema(const KeySpec& spec) {
  Json number = bounded(spec, "integer");
  if (!spec.constraint.minimum) number["minimum"] = 1;
  return {{"anyOf", {{{"const", format_auto_count({})}}, number, definition("count"), definition("variable")}}};
}

Json text_schema(const KeySpec& spec) {
  Json schema = {{"type", "string"}};
  if (spec.constraint.not_empty) schema["minLength"] = 1;
  if (spec.constraint.plain_name) schema["pattern"] = "^(?![.]{1,2}$)[^/]*$|[$][{]";
  return schema;
}

Json given_schema(const KeySpec& spec) {
  switch (spec.kind) {
    case ValueKind::kBool:
      return {{"anyOf", {{{"type", "boolean"}}, definition("variable")}}};
    case ValueKind::kInteger:
      return {{"anyOf", {bounded(spec, "integer"), definition("count"), definition("variable")}}};
    case ValueKind::kNumber:
      return {{"anyOf", {bounded(spec, "number"), definition("count"), definition("variable")}}};
    case ValueKind::kString:
      return text_schema(spec);
    case ValueKind::kBytes:
      return {{"anyOf", {bounded(spec, "integer"), definition("bytes"), definition("variable")}}};
    case ValueKind::kDuration:
      return {{"anyOf", {definition("duration"), definition("variable")}}};
    case ValueKind::kAutoCount:
      return auto_count_schema(spec);
    case ValueKind::kEnum:
      return {{"anyOf", {{{"enum", spec.choices}}, definition("variable")}}};
    case ValueKind::kSection:
      return section_schema(spec);
    case ValueKind::kList: {
      Json schema = {{"type", "array"}, {"items", value_schema(spec.item())}};
      if (spec.constraint.not_empty) schema["minItems"] = 1;
      return schema;
    }
  }
  return {};
}

Json value_schema(const KeySpec& spec) {
  Json schema = given_schema(spec);
  if (!spec.optional) return schema;
  const Json none = {{"type", "null"}};
  if (!schema.contains("anyOf")) return {{"anyOf", {std::move(schema), none}}};
  schema["anyOf"].push_back(none);
  return schema;
}

}  // namespace

std::string json_schema(const KeySpec& root) {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "llmtrain pipeline file"}};
  schema.update(section_schema(root));
  schema["$defs"] = {{"count", pattern(kCountPattern)},
                     {"bytes", pattern(kBytesPattern)},
                     {"duration", pattern(kDurationPattern)},
                     {"variable", pattern(kVariablePattern)}};
  return schema.dump(2) + "\n";
}

}  // namespace llmtrain
