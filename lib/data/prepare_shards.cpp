#include "lib/data/prepare_shards.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <numeric>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/signals.h"
#include "lib/data/token_shards.h"
#include "lib/data/tokenize_file.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kSmallFile = std::uint64_t{4} << 20;      // tokenized by one thread, several at once
constexpr std::uint64_t kQuietHashing = std::uint64_t{64} << 20;  // less than this is hashed without a word
constexpr std::size_t kHashBuffer = std::size_t{1} << 20;
constexpr std::size_t kMostFaults = 20;

std::uint64_t bytes_of(const std::vector<PreparedFile*>& files) {
  return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto* file) { return sum + file->file.identity.size; });
}

std::string hash_file(const CorpusFile& file, Progress& progress) {
  ExpandedStream stream(file.path, Compression::kNone);
  if (stream.identity() != file.identity) {
    throw input_error("{}: changed while the data was prepared; try again", file.path.string());
  }
  std::vector<char> buffer(kHashBuffer);
  while (const std::size_t got = stream.read(buffer.data(), buffer.size())) {
    stop_point("hashing data files");
    progress.add(got);
  }
  return stream.sha256();
}

void find_digests(const std::vector<PreparedFile*>& files, const PrepareOptions& options, ShardCache& cache) {
  std::vector<PreparedFile*> unknown;
  for (auto* file : files) {
    const auto known = cache.remembered_digest(file->file.path, file->file.identity);
    if (known && options.verify != Verify::kAll) {
      file->sha256 = *known;
    } else {
      unknown.push_back(file);
    }
  }
  const std::uint64_t bytes = bytes_of(unknown);
  Progress progress("hashing", bytes, "B", bytes < kQuietHashing ? ProgressMode::kOff : options.progress);
  parallel_for(
      unknown.size(),
      [&](std::size_t i) {
        unknown[i]->sha256 = hash_file(unknown[i]->file, progress);
        cache.remember(unknown[i]->file.path, unknown[i]->file.identity, unknown[i]->sha256);
      },
      options.threads);
  progress.finish();
}

// What is tokenized side by side may fail side by side: faults are kept until all have come, and told in order.
class FaultList {
 public:
  explicit FaultList(std::size_t files) : faults_(files) {}

  template <class Work>
  void collect(std::size_t file, Work&& work) {
    if (found_ >= kMostFaults) return;
    try {
      work();
    } catch (const Error& error) {
      if (error.code() != ExitCode::kInput) throw;
      faults_[file] = error.faults();
      ++found_;
    }
  }
  void throw_if_any() const {
    std::vector<Fault> all;
    for (const auto& faults : faults_) all.insert(all.end(), faults.begin(), faults.end());
    if (!all.empty()) throw Error(ExitCode::kInput, std::move(all));
  }

 private:
  std::vector<std::vector<Fault>> faults_;
  std::atomic<std::size_t> found_ = 0;
};

void tokenize_missing(const std::vector<PreparedFile*>& missing, const ReadRules& rules, const Tokenizer& tokenizer,
                      const PrepareOptions& options) {
  Progress progress("tokenizing", bytes_of(missing), "B", options.progress);
  FaultList faults(missing.size());
  const int threads = options.threads > 0 ? options.threads : available_processors();
  const auto tokenize = [&](std::size_t i, int file_threads) {
    const auto& file = *missing[i];
    stop_point("tokenizing");
    faults.collect(i, [&] {
      const TokenizeTask task{.file = file.file, .source = file.source, .rules = rules, .sha256 = file.sha256};
      tokenize_file(task, tokenizer, file.shard, progress, file_threads);
    });
  };
  std::vector<std::size_t> small;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    if (missing[i]->file.identity.size < kSmallFile) {
      small.push_back(i);
    } else {
      tokenize(i, threads);
    }
  }
  parallel_for(
      small.size(), [&](std::size_t i) { tokenize(small[i], 1); }, threads);
  faults.throw_if_any();
  progress.finish();
}

std::uint64_t size_or_zero(const std::filesystem::path& path) {
  std::error_code missing;
  const auto size = std::filesystem::file_size(path, missing);
  return missing ? 0 : size;
}

// One file of every shard that is not there.
std::vector<PreparedFile*> find_missing(const std::vector<PreparedFile*>& files, const PrepareOptions& options,
                                        const Log& log) {
  std::map<std::string, PreparedFile*> by_shard;
  for (auto* file : files) by_shard.emplace(file->shard_key, file);
  const bool verify = options.verify != Verify::kNothing;
  std::uint64_t bytes = 0;
  for (const auto& [key, file] : by_shard) bytes += size_or_zero(file->shard);
  Progress progress("checking shards", bytes, "B",
                    verify && bytes >= kQuietHashing ? options.progress : ProgressMode::kOff);
  std::vector<PreparedFile*> missing;
  for (auto* file : files) {
    if (by_shard.at(file->shard_key) != file) continue;
    stop_point("looking through the data cache");
    const std::uint64_t size = size_or_zero(file->shard);
    if (!is_usable<TokenShard>(file->shard, verify, log)) missing.push_back(file);
    progress.add(size);
  }
  progress.finish();
  return missing;
}

void describe(PreparedFile& file) {
  const TokenShard shard(file.shard);
  file.documents = shard.documents();
  file.tokens = shard.tokens();
  file.text_bytes = shard.text_bytes();
  file.empty_documents = shard.empty_documents();
  file.bad_lines = shard.bad_lines(file.file.path);
}

}  // namespace

void prepare_shards(const std::vector<PreparedFile*>& files, const ReadRules& rules, const Tokenizer& tokenizer,
                    const PrepareOptions& options, ShardCache& cache, CacheWriting& writing, const Log& log) {
  find_digests(files, options, cache);
  for (auto* file : files) {
    file->shard_key = shard_key({.source_sha256 = file->sha256,
                                 .tokenizer = tokenizer.hash(),
                                 .settings = reading_settings(file->file, file->source, rules),
                                 .vocab_size = tokenizer.vocab_size()});
    file->shard = cache.shard_path(file->shard_key);
  }
  auto missing = find_missing(files, options, log);
  if (!missing.empty()) {
    writing.begin();
    missing = find_missing(missing, {}, log);  // another process may have made them while we waited
    for (auto* file : missing) file->cached = false;
    tokenize_missing(missing, rules, tokenizer, options);
  }
  if (cache.has_news()) {
    try {
      writing.begin();
      cache.save_digests();
    } catch (const Error& error) {
      if (error.code() != ExitCode::kStorage || !missing.empty()) throw;
      log.warn("{}; nothing is lost, but the data files are hashed again next time", error.what());
    }
  }
  for (auto* file : files) describe(*file);
}

}  // namespace llmtrain
