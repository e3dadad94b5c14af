#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "lib/data/corpus.h"

namespace llmtrain {

// What a run is, in numbers that its configuration does not tell.
struct RunDescription {
  std::int64_t parameters = 0;
  std::int64_t vocab = 0;
  std::int64_t total_steps = 0;  // 0: time alone decides
  std::int64_t batch_tokens = 0;
  std::int64_t micro_rows = 0;
  std::int64_t threads = 0;
  std::string precision;  // "fp32", "bf16"
};

// Writes <stage>/run.json, for reports and for other programs: the description, and of each source of the data its
// files, documents, tokens and rows. Throws storage_error (5).
void write_run_description(const std::filesystem::path& stage, const RunDescription& run, const PreparedCorpus& corpus);

}  // namespace llmtrain
