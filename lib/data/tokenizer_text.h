#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/data/corpus_files.h"
#include "lib/data/document_source.h"

namespace llmtrain {

struct TextFile {
  CorpusFile file;
  DataSource source;   // that named it
  std::string sha256;  // once it was read to its end
};

// The files of all sources, in order, each path once. Throws input_error for files of token ids.
std::vector<TextFile> list_text_files(const std::vector<DataSource>& sources);

// The documents of many files, one after the other: what a tokenizer is learnt from.
class TokenizerText {
 public:
  // Keeps each document with the probability given, chosen by its place.
  TokenizerText(std::vector<TextFile>& files, const ReadRules& rules, double kept = 1.0);

  // False at the end.
  bool next(std::string& document);
  const BadLines& bad_lines() const { return bad_lines_; }

 private:
  bool is_kept();

  std::vector<TextFile>& files_;
  ReadRules rules_;
  double kept_;
  std::size_t file_ = 0;
  std::uint64_t place_ = 0;
  std::optional<DocumentReader> reader_;
  Document document_;
  BadLines bad_lines_;
};

}  // namespace llmtrain
