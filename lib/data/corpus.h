#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/log.h"
#include "lib/config/pretrain_config.h"
#include "lib/data/mixture.h"
#include "lib/data/prepare_shards.h"
#include "lib/data/row_index.h"
#include "lib/data/row_source.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// An entry of data.train or data.validation.data.
struct PreparedSource {
  std::string name;  // its path, as the pipeline file has it
  double weight = 1.0;
  std::vector<PreparedFile> files;
  std::filesystem::path row_index;
  RowCounts counts;
};

struct PreparedCorpus {
  std::vector<PreparedSource> train;
  std::vector<PreparedSource> validation;  // may be empty; with a fraction, the held-out side of the training sources
  BadLines bad_lines;
  // SHA-256 of what the files contain, in order, and of how they are read; not of their names or of the tokenizer.
  std::string fingerprint;

  std::uint64_t train_rows() const;
  std::uint64_t validation_rows() const;
};

// Makes sure that all data of the section is in its cache as tokens and rows, and says where. What is there already is
// used if content, tokenizer and settings are the same; a changed file is tokenized anew. Killed in the middle, or run
// twice at once, it leaves nothing broken, and the next run goes on with the files that are missing.
//
// Throws input_error (3): bad data; a source without a row; a fraction that holds out nothing or everything; fewer rows
// than one batch; documents that are too long for what is configured. storage_error (5), stopped_error (75).
PreparedCorpus prepare_corpus(const PretrainConfig& config, const Tokenizer& tokenizer, const PrepareOptions& options,
                              const Log& log);

// The order in which training goes through the sources' rows.
Mixture training_mixture(const std::vector<PreparedSource>& sources, std::uint64_t seed);

// Opens the rows for a model whose vocabulary is `vocab_size`.
std::vector<RowSource> open_rows(const std::vector<PreparedSource>& sources, std::int64_t sequence_length,
                                 std::uint64_t vocab_size);

}  // namespace llmtrain
