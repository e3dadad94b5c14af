#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/progress.h"
#include "lib/config/pretrain_config.h"
#include "lib/data/corpus.h"
#include "lib/data/scripts.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// Documents by their number of tokens, the end token among them: nearest ranks.
struct LengthQuantiles {
  std::uint64_t p50 = 0;
  std::uint64_t p90 = 0;
  std::uint64_t p99 = 0;
  std::uint64_t longest = 0;
};

// What stands in the files of a source, both sides of a validation split together.
struct SourceStats {
  std::string name;
  std::uint64_t files = 0;
  std::uint64_t documents = 0;
  std::uint64_t tokens = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t duplicates = 0;  // documents whose whole content stood before, in this source or one above it
  LengthQuantiles lengths;
  ScriptCounts scripts{};  // characters
  std::uint64_t rows = 0;  // of training, or of validation for files of its own

  double bytes_per_token() const;
};

struct CorpusStats {
  std::vector<SourceStats> sources;     // of training
  std::vector<SourceStats> validation;  // with files of its own
  std::uint64_t train_rows = 0;
  std::uint64_t validation_rows = 0;
  std::uint64_t validation_documents = 0;
  // How often training goes through its rows, where the configuration says how long it is.
  std::optional<double> epochs;
};

// Reads all shards. Memory grows with the number of distinct documents (their hashes). Looks for a request to stop.
CorpusStats measure_corpus(const PreparedCorpus& corpus, const PretrainConfig& config, const Tokenizer& tokenizer,
                           ProgressMode progress);

// Passes over the rows that the length of training makes: `epochs` itself, or steps or tokens over the rows.
std::optional<double> epochs_of(const PretrainConfig& config, std::uint64_t train_rows);

}  // namespace llmtrain
