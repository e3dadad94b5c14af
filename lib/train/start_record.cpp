#include "lib/train/start_record.h"

#include <nlohmann/json.hpp>

#include "lib/base/file.h"
#include "lib/base/secrets.h"
#include "lib/metrics/wall_clock.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

Json starts_before(const std::filesystem::path& file, const Log& log) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return Json::array();
  const auto json = Json::parse(read_file(file), nullptr, false);
  if (json.is_object() && json.contains("starts") && json.at("starts").is_array()) return json.at("starts");
  log.warn("{}: does not read; it is begun anew", file.string());
  return Json::array();
}

}  // namespace

void append_start(const std::filesystem::path& stage, const StartRecord& start, const RunFacts& facts, const Log& log) {
  const auto file = stage / "env.json";
  std::vector<std::string> command;
  for (const auto& word : start.command) command.push_back(without_secrets(word));
  Json starts = starts_before(file, log);
  starts.push_back({{"time", iso_utc(start.time)},
                    {"command", command},
                    {"after_step", start.after_step},
                    {"llmtrain", facts.llmtrain},
                    {"libtorch", facts.libtorch},
                    {"processor", start.processor},
                    {"kernels", facts.kernels},
                    {"threads", facts.threads},
                    {"precision", facts.precision},
                    {"memory_bytes", start.memory_bytes}});
  const Json whole = {{"starts", starts}};
  write_file(file, whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace llmtrain
