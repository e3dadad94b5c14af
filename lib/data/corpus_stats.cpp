#include "lib/data/corpus_stats.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <unordered_set>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/base/signals.h"
#include "lib/data/token_shards.h"

namespace llmtrain {
namespace {

constexpr std::uint64_t kDecodeTokens = std::uint64_t{1} << 16;

using LengthCounts = std::map<std::uint64_t, std::uint64_t>;  // documents by their tokens

LengthQuantiles quantiles_of(const LengthCounts& counts, std::uint64_t documents) {
  const auto at = [&](double share) {
    const auto rank = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(documents)));
    std::uint64_t seen = 0;
    for (const auto& [length, times] : counts) {
      seen += times;
      if (seen >= rank) return length;
    }
    return std::uint64_t{0};
  };
  return {.p50 = at(0.5), .p90 = at(0.9), .p99 = at(0.99), .longest = counts.empty() ? 0 : counts.rbegin()->first};
}

ScriptCounts scripts_of(const TokenShard& shard, const Tokenizer& tokenizer, Progress& progress) {
  ScriptCounter counter;
  std::vector<std::int32_t> read(kDecodeTokens);
  std::vector<std::uint32_t> ids;
  const auto end = tokenizer.end_of_document();
  for (std::uint64_t begin = 0; begin < shard.tokens(); begin += kDecodeTokens) {
    stop_point("reading shards");
    const auto part = std::span(read).first(std::min(kDecodeTokens, shard.tokens() - begin));
    shard.read(begin, part);
    ids.assign(part.begin(), part.end());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] < tokenizer.vocab_size()) continue;
      throw input_error(
          "{}: byte {}: damaged: token id {}, expected below {}; run 'llmtrain data prepare --verify-data'",
          shard.file().path().string(), shard.byte_offset(begin + i), ids[i], tokenizer.vocab_size());
    }
    if (end) std::erase(ids, *end);
    counter.add(tokenizer.decode(ids));
    progress.add(part.size());
  }
  return counter.counts();
}

class Measurer {
 public:
  Measurer(const Tokenizer& tokenizer, Progress& progress) : tokenizer_(tokenizer), progress_(progress) {}

  SourceStats measure(const PreparedSource& source) {
    SourceStats stats;
    stats.name = source.name;
    stats.files = source.files.size();
    stats.rows = source.counts.rows;
    LengthCounts lengths;
    for (const auto& file : source.files) {
      const TokenShard shard(file.shard);
      stats.documents += shard.documents();
      stats.tokens += shard.tokens();
      stats.text_bytes += shard.text_bytes();
      std::uint64_t begin = 0;
      shard.for_each_document([&](const ShardDocument& document) {
        ++lengths[document.end - begin];
        begin = document.end;
        if (!seen_.insert(document.hash).second) ++stats.duplicates;
      });
    }
    stats.lengths = quantiles_of(lengths, stats.documents);
    std::vector<ScriptCounts> by_file(source.files.size());
    parallel_for(by_file.size(), [&](std::size_t i) {
      by_file[i] = scripts_of(TokenShard(source.files[i].shard), tokenizer_, progress_);
    });
    for (const auto& counts : by_file) {
      for (std::size_t script = 0; script < kScripts; ++script) stats.scripts[script] += counts[script];
    }
    return stats;
  }

 private:
  const Tokenizer& tokenizer_;
  Progress& progress_;
  std::unordered_set<std::uint64_t> seen_;
};

std::uint64_t tokens_of(const std::vector<PreparedSource>& sources) {
  std::uint64_t tokens = 0;
  for (const auto& source : sources) {
    for (const auto& file : source.files) tokens += file.tokens;
  }
  return tokens;
}

}  // namespace

double SourceStats::bytes_per_token() const {
  return tokens == 0 ? 0.0 : static_cast<double>(text_bytes) / static_cast<double>(tokens);
}

std::optional<double> epochs_of(const PretrainConfig& config, std::uint64_t train_rows) {
  if (config.epochs) return config.epochs;
  if (!config.steps && !config.tokens) return std::nullopt;
  const auto tokens = config.tokens ? static_cast<double>(*config.tokens)
                                    : static_cast<double>(*config.steps) * static_cast<double>(config.batch_tokens);
  return tokens / static_cast<double>(config.sequence_length) / static_cast<double>(train_rows);
}

CorpusStats measure_corpus(const PreparedCorpus& corpus, const PretrainConfig& config, const Tokenizer& tokenizer,
                           ProgressMode progress_mode) {
  const bool own_files = !config.data.validation.data.empty();
  std::uint64_t tokens = tokens_of(corpus.train);
  if (own_files) tokens += tokens_of(corpus.validation);
  Progress progress("reading shards", tokens, "tokens", progress_mode);
  CorpusStats stats;
  Measurer train(tokenizer, progress);
  for (const auto& source : corpus.train) stats.sources.push_back(train.measure(source));
  Measurer validation(tokenizer, progress);
  if (own_files) {
    for (const auto& source : corpus.validation) stats.validation.push_back(validation.measure(source));
  }
  progress.finish();
  for (const auto& source : corpus.validation) stats.validation_documents += source.counts.documents;
  stats.train_rows = corpus.train_rows();
  stats.validation_rows = corpus.validation_rows();
  stats.epochs = epochs_of(config, stats.train_rows);
  return stats;
}

}  // namespace llmtrain
