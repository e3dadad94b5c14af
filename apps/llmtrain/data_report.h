#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apps/llmtrain/model_report.h"
#include "lib/config/pretrain_config.h"
#include "lib/data/corpus.h"
#include "lib/data/corpus_stats.h"
#include "lib/data/loader.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// What is prepared: a line a file (of many, the first and a count), totals, rows of both sides of the split.
std::string prepared_text(const PreparedCorpus& corpus, const PretrainConfig& config);

std::string stats_text(const CorpusStats& stats, const PretrainConfig& config);
Json stats_json(const CorpusStats& stats, const PretrainConfig& config);

// Training's first rows, from a position on, as the model sees them.
struct PreviewOptions {
  std::uint64_t seed = 0;
  std::uint64_t position = 0;
  std::uint64_t rows = 0;
};
std::string preview_text(const PreparedCorpus& corpus, const PretrainConfig& config, const Tokenizer& tokenizer,
                         const PreviewOptions& options);

}  // namespace llmtrain
