#include "lib/train/run_description.h"

#include <nlohmann/json.hpp>

#include "lib/base/file.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

Json sources_json(const std::vector<PreparedSource>& sources) {
  Json json = Json::array();
  for (const auto& source : sources) {
    std::uint64_t text_bytes = 0;  // of both sides of a split
    for (const auto& file : source.files) text_bytes += file.text_bytes;
    json.push_back({{"source", source.name},
                    {"weight", source.weight},
                    {"files", source.files.size()},
                    {"text_bytes", text_bytes},
                    {"documents", source.counts.documents},
                    {"tokens", source.counts.tokens},
                    {"rows", source.counts.rows}});
  }
  return json;
}

}  // namespace

void write_run_description(const std::filesystem::path& stage, const RunDescription& run,
                           const PreparedCorpus& corpus) {
  const Json json = {
      {"parameters", run.parameters},
      {"vocab", run.vocab},
      {"total_steps", run.total_steps},
      {"batch_tokens", run.batch_tokens},
      {"micro_rows", run.micro_rows},
      {"threads", run.threads},
      {"precision", run.precision},
      {"data", {{"train", sources_json(corpus.train)}, {"validation", sources_json(corpus.validation)}}}};
  write_file(stage / "run.json", json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace llmtrain
