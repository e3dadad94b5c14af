#include "lib/data/tokenizer_text.h"

#include <set>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kSampleSeed = 0;  // the sample is a property of the text, not of the run

}  // namespace

std::vector<TextFile> list_text_files(const std::vector<DataSource>& sources) {
  std::vector<TextFile> files;
  std::set<std::filesystem::path> seen;
  for (const auto& source : sources) {
    for (auto& file : list_corpus_files(source)) {
      if (file.format == DataFormat::kTokens) {
        throw input_error("{}: holds token ids, expected text to learn a tokenizer from; try tokenizer.train.data",
                          file.path.string());
      }
      if (seen.insert(file.path).second) files.push_back({.file = std::move(file), .source = source, .sha256 = ""});
    }
  }
  return files;
}

TokenizerText::TokenizerText(std::vector<TextFile>& files, const ReadRules& rules, double kept)
    : files_(files), rules_(rules), kept_(kept) {}

bool TokenizerText::is_kept() {
  const std::uint64_t place = place_++;
  return kept_ >= 1.0 || RandomStream(kSampleSeed, "tokenizer_text", place).uniform() < kept_;
}

bool TokenizerText::next(std::string& document) {
  while (file_ < files_.size()) {
    auto& file = files_[file_];
    if (!reader_) reader_.emplace(file.file, file.source, rules_);
    while (reader_->next(document_)) {
      if (!is_kept()) continue;
      document.swap(document_.text);
      return true;
    }
    file.sha256 = reader_->sha256();
    bad_lines_.merge(reader_->bad_lines());
    check_bad_lines(bad_lines_, rules_);
    reader_.reset();
    ++file_;
  }
  return false;
}

}  // namespace llmtrain
