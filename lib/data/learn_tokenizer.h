#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/config/pipeline_config.h"
#include "lib/data/document_source.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

struct LearnOptions {
  int threads = 0;  // 0: available_processors()
  ProgressMode progress = ProgressMode::kOff;
};

struct LearntTokenizer {
  std::filesystem::path file;  // the tokenizer.json
  bool was_there = false;      // learnt by an earlier run from the same data with the same settings
  // The rest as it was when it was learnt.
  std::uint64_t documents = 0;  // or pieces of long ones
  std::uint64_t bytes = 0;
  TokenizerKind kind = TokenizerKind::kByteBpe;
  std::uint64_t words = 0;  // characters, if it is made of these
  std::uint64_t distinct_words = 0;
  std::uint64_t vocab_size = 0;
};

// Learns a tokenizer from the text of the sources (each file once, whatever the weights) and writes
// folder/tokenizer.json, and beside it tokenizer_training.json: settings, files with their digests, counts. Where these
// say that the same was learnt before, nothing is done; files whose size and time are unchanged are not read for it.
// Of more text than config.max_bytes an even sample of documents is taken, the same each time.
// Throws as train_tokenizer and DocumentReader do; input_error for sources that hold token ids.
LearntTokenizer learn_tokenizer(const TokenizerTrainConfig& config, const std::vector<DataSource>& sources,
                                const ReadRules& rules, const std::filesystem::path& folder,
                                const LearnOptions& options, const Log& log);

// Where a pipeline's own tokenizer stands: <run.dir>/<run.name>/tokenizer.
std::filesystem::path tokenizer_folder(const RunConfig& config);
// The tokenizer section's `train`, from its own data or else pretraining's. Throws config_error where there is neither.
LearntTokenizer learn_pipeline_tokenizer(const PipelineConfig& config, const std::filesystem::path& folder,
                                         const LearnOptions& options, const Log& log);
// The tokenizer that a pipeline works with: the one it names, or its own, learnt now if need be.
Tokenizer pipeline_tokenizer(const PipelineConfig& config, const LearnOptions& options, const Log& log);

}  // namespace llmtrain
