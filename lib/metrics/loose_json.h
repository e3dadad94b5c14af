#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace llmtrain {

// Members of JSON that may lack anything, for reports: nothing where there is no such member, or one of another type.

inline const nlohmann::ordered_json* member_of(const nlohmann::ordered_json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found == json.end() ? nullptr : &*found;
}

inline std::optional<std::int64_t> whole_number_of(const nlohmann::ordered_json& json, const char* key) {
  const auto* member = member_of(json, key);
  if (member == nullptr || !member->is_number_integer()) return std::nullopt;
  return member->get<std::int64_t>();
}

inline std::optional<double> number_of(const nlohmann::ordered_json& json, const char* key) {
  const auto* member = member_of(json, key);
  if (member == nullptr || !member->is_number()) return std::nullopt;
  return member->get<double>();
}

// "" where there is none.
inline std::string text_of(const nlohmann::ordered_json& json, const char* key) {
  const auto* member = member_of(json, key);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

}  // namespace llmtrain
