#pragma once
#include <filesystem>

#include "lib/base/progress.h"
#include "lib/config/data_config.h"
#include "lib/data/corpus_files.h"
#include "lib/data/document_source.h"
#include "lib/data/token_shards.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// All that decides how the bytes of a file become documents and tokens, as text: part of the shard's name.
std::string reading_settings(const CorpusFile& file, const DataSource& source, const ReadRules& rules);

// A file and what makes tokens of it.
struct TokenizeTask {
  CorpusFile file;
  DataSource source;
  ReadRules rules;
  std::string sha256;  // of the file, as it was hashed before
};

// Tokenizes one file into a shard, on `threads` threads (1: the calling one only), in constant memory: readers take
// turns, encode on their own, and append in the order in which they read, so the bytes written do not depend on the
// number of threads. Every document ends with Tokenizer::end_of_document() where there is one; token files without a
// document_token are taken as they stand.
//
// Text is read as text: what looks like a special token becomes no special token. Throws input_error (3) for bad input,
// an id in a token file that the tokenizer does not have, and a file that is not what was hashed; stopped_error (75) on
// request. Nothing is left behind then. Adds the bytes of the file that were read to `progress`.
void tokenize_file(const TokenizeTask& task, const Tokenizer& tokenizer, const std::filesystem::path& shard,
                   Progress& progress, int threads);

}  // namespace llmtrain
