#pragma once
#include <filesystem>
#include <vector>

#include "lib/base/file.h"
#include "lib/config/data_config.h"
#include "lib/io/compressed.h"

namespace llmtrain {

struct CorpusFile {
  std::filesystem::path path;
  Compression compression = Compression::kNone;
  DataFormat format = DataFormat::kText;  // never kAuto
  FileIdentity identity;                  // when it was listed
};

// The files that a source names, sorted by the bytes of their paths:
// - a file: itself, whatever its name;
// - a folder: the data files in it and its folders: *.txt, *.text, *.jsonl, *.ndjson, *.bin, each also with .gz, .zst
// or
//   .zstd after it. Other files are passed over and, if asked for, listed in passed_over;
// - else a glob: * and ? and [a-z] [!a-z] match inside one name, ** any number of folders.
// Names that begin with a dot are not taken unless the path spells them out. Links to files are followed, links to
// folders only where the path spells them out.
//
// Compression goes by content, for token files (*.bin) by content and name, since raw ids may begin like anything.
// Format kAuto: *.jsonl and *.ndjson are JSON lines, so is what begins with a line that is a JSON object; *.bin and
// what has llm.c's header are token files; the rest is text.
//
// Throws input_error (3): nothing matches (names the pattern and what was looked for), not a regular file, an empty
// file, or a container that is not read (parquet, JSON array, zip, xz, bzip2, pickle) with the way out.
std::vector<CorpusFile> list_corpus_files(const DataSource& source,
                                          std::vector<std::filesystem::path>* passed_over = nullptr);

}  // namespace llmtrain
