#pragma once
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/document_source.h"
#include "tests/support/test_support.h"

namespace llmtrain {

inline CorpusFile file_of(const std::filesystem::path& path, DataFormat format) {
  DataSource source;
  source.path = path.string();
  source.format = format;
  return list_corpus_files(source).at(0);
}

inline std::vector<Document> read_all(DocumentReader& reader) {
  std::vector<Document> all;
  Document document;
  while (reader.next(document)) all.push_back(document);
  return all;
}

inline std::vector<std::string> texts_of(const std::vector<Document>& documents) {
  std::vector<std::string> texts;
  for (const auto& document : documents) texts.push_back(document.text);
  return texts;
}

struct Reading {
  DataFormat format = DataFormat::kJsonl;
  DataSource source = {};
  ReadRules rules = {};
};

inline std::vector<Document> read_bytes(std::string_view bytes, const Reading& setup) {
  const TempDir dir;
  DocumentReader reader(file_of(dir.write("data", bytes), setup.format), setup.source, setup.rules);
  return read_all(reader);
}

inline std::string error_in(std::string_view bytes, const Reading& setup) {
  const auto message = error_of(ExitCode::kInput, [&] { read_bytes(bytes, setup); });
  // Without the folder, which is another one each time.
  return message.substr(message.find("/data:") == std::string::npos ? 0 : message.find("/data:") + 1);
}

// Memory of this process that is in RAM.
inline long resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word == "VmRSS:") break;
  }
  long kib = 0;
  status >> kib;
  return kib;
}

}  // namespace llmtrain
