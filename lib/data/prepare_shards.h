#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"
#include "lib/config/data_config.h"
#include "lib/data/cache_file.h"
#include "lib/data/corpus_files.h"
#include "lib/data/document_source.h"
#include "lib/data/shard_cache.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// What is hashed, whatever was remembered. Files of the cache that are damaged are made anew.
enum class Verify { kNothing, kCache, kAll };

struct PrepareOptions {
  Verify verify = Verify::kNothing;
  int threads = 0;  // 0: available_processors()
  ProgressMode progress = ProgressMode::kOff;
};

// A file whose tokens are in the cache.
struct PreparedFile {
  CorpusFile file;
  DataSource source;  // that named it
  std::string sha256;
  std::string shard_key;
  std::filesystem::path shard;
  std::uint64_t documents = 0;
  std::uint64_t tokens = 0;
  std::uint64_t text_bytes = 0;
  std::uint64_t empty_documents = 0;
  BadLines bad_lines;
  bool cached = true;  // was there before
};

// The lock of a cache, taken once, when something must be written.
class CacheWriting {
 public:
  explicit CacheWriting(ShardCache& cache) : cache_(cache) {}
  void begin() {
    if (!lock_) lock_ = cache_.lock();
  }

 private:
  ShardCache& cache_;
  std::optional<FileDescriptor> lock_;
};

// Fills everything behind `source`: hashes the files whose digest is not remembered, tokenizes those that have no shard
// (large ones on all threads, small ones side by side). Bad input in several files is reported for all of them at once
// (the first ones), in the order of the files.
void prepare_shards(const std::vector<PreparedFile*>& files, const ReadRules& rules, const Tokenizer& tokenizer,
                    const PrepareOptions& options, ShardCache& cache, CacheWriting& writing, const Log& log);

// Whether the cache file at `path` is there and can be used. One that is damaged (with verify: whose digest is wrong)
// is reported, removed, and counts as missing.
template <class File>
bool is_usable(const std::filesystem::path& path, bool verify, const Log& log) {
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::not_found) return false;
  try {
    const File file(path);
    if (!verify || verify_cache_file(file.file())) return true;
    log.warn("{}: damaged: its content is not what its digest says; made anew", path.string());
  } catch (const Error& fault) {
    if (fault.code() == ExitCode::kRequeue || std::filesystem::is_symlink(path, error)) throw;
    log.warn("{}: damaged; made anew", path.string());
  }
  if (!std::filesystem::remove(path, error)) {
    throw storage_error("{}: cannot remove the damaged file: {}", path.string(), error.message());
  }
  return false;
}

}  // namespace llmtrain
