#include "lib/metrics/metric_record.h"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace llmtrain {
namespace {

std::string json_string(std::string_view text, bool ascii) {
  return nlohmann::json(text).dump(-1, ' ', ascii, nlohmann::json::error_handler_t::replace);
}

std::string json_number(double value) {
  if (std::isnan(value)) return "\"nan\"";
  if (std::isinf(value)) return value > 0.0 ? "\"inf\"" : "\"-inf\"";
  std::string text = fmt::format("{}", value);  // the shortest that reads back as the same number
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

struct ValueWriter {
  bool ascii;
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return json_number(value); }
  std::string operator()(const std::string& value) const { return json_string(value, ascii); }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
};

}  // namespace

std::string to_json(const Record& record, bool ascii) {
  std::string json = "{";
  for (const auto& [key, value] : record) {
    if (json.size() > 1) json += ',';
    json += json_string(key, ascii) + ':' + std::visit(ValueWriter{ascii}, value);
  }
  return json + '}';
}

}  // namespace llmtrain
