#include "lib/data/corpus.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/data/tokenize_file.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr double kMostDropped = 0.01;  // of the documents; more is taken for a mistake

std::vector<PreparedSource> list_sources(const std::vector<DataSource>& configured) {
  std::vector<PreparedSource> sources;
  for (const auto& source : configured) {
    sources.push_back({.name = source.path, .weight = source.weight, .files = {}, .row_index = {}, .counts = {}});
    for (auto& file : list_corpus_files(source)) {
      PreparedFile prepared;
      prepared.file = std::move(file);
      prepared.source = source;
      sources.back().files.push_back(std::move(prepared));
    }
  }
  return sources;
}

std::uint64_t rows_of(const std::vector<PreparedSource>& sources) {
  return std::accumulate(sources.begin(), sources.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& source) { return sum + source.counts.rows; });
}

std::uint64_t documents_of(const PreparedSource& source) {
  return std::accumulate(source.files.begin(), source.files.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& file) { return sum + file.documents; });
}

RowRules row_rules(const PretrainConfig& config, bool held_out) {
  return {.sequence_length = static_cast<std::uint64_t>(config.sequence_length),
          .packing = config.data.packing,
          .long_documents = config.data.long_documents,
          .hold_out = config.data.validation.hold_out,
          .held_out_fraction = config.data.validation.fraction.value_or(0.0),
          .held_out = held_out};
}

void lay_rows(PreparedSource& source, const RowRules& rules, bool verify, const ShardCache& cache,
              CacheWriting& writing, const Log& log) {
  std::vector<std::string> keys;
  std::vector<fs::path> shards;
  std::vector<CorpusFile> files;
  for (const auto& file : source.files) {
    keys.push_back(file.shard_key);
    shards.push_back(file.shard);
    files.push_back(file.file);
  }
  source.row_index = cache.rows_path(row_index_key(rules, keys));
  if (!is_usable<RowIndex>(source.row_index, verify, log)) {
    writing.begin();
    write_row_index(source.row_index, rules, shards, files);
  }
  source.counts = RowIndex(source.row_index).counts();
}

// What is said of documents that are longer than a row, and when it is too much.
void check_long_documents(const PreparedSource& source, const PretrainConfig& config, const Log& log) {
  const auto& counts = source.counts;
  if (counts.too_long == 0 || config.data.long_documents == LongDocuments::kSplit) return;
  const auto& file = source.files.at(counts.first_too_long->shard).file;
  const bool drops = config.data.long_documents == LongDocuments::kDrop;
  const std::uint64_t seen = counts.documents + (drops ? counts.too_long : 0);
  const std::string what = fmt::format("{}: {} of {} documents are longer than a row of {} tokens (first: {})",
                                       source.name, with_thousands(counts.too_long), with_thousands(seen),
                                       config.sequence_length + 1, document_name(file, counts.first_too_long->place));
  const bool too_many = static_cast<double>(counts.too_long) > kMostDropped * static_cast<double>(seen);
  if (drops && (too_many || counts.documents == 0)) {
    throw input_error(
        "{}: expected at most 1 % to drop; raise pretrain.sequence_length, or set pretrain.data.long_documents to "
        "split or truncate",
        what);
  }
  log.warn("{}: {} tokens {}", what, with_thousands(counts.dropped_tokens), drops ? "dropped with them" : "cut off");
}

void check_training_rows(const PretrainConfig& config, const std::vector<PreparedSource>& train) {
  for (const auto& source : train) {
    if (source.counts.rows > 0) continue;
    throw input_error(
        "{}: no row to train on: of {} documents {} are held out and {} have a single token; add data, or lower "
        "pretrain.data.validation.fraction",
        source.name, with_thousands(documents_of(source)), with_thousands(source.counts.other_side),
        with_thousands(source.counts.too_short));
  }
  const auto batch_rows = static_cast<std::uint64_t>(config.batch_tokens / config.sequence_length);
  const std::uint64_t rows = rows_of(train);
  if (rows < batch_rows) {
    throw input_error(
        "pretrain.data.train: less than one batch: expected at least {} rows of {} tokens (pretrain.batch_tokens), got "
        "{}; add data, or lower batch_tokens or sequence_length",
        batch_rows, config.sequence_length, rows);
  }
}

void check_validation_rows(const PretrainConfig& config, const PreparedCorpus& corpus) {
  const auto& validation = config.data.validation;
  const bool wanted = validation.fraction.value_or(0.0) > 0.0 || !validation.data.empty();
  if (!wanted || corpus.validation_rows() > 0) return;
  if (!validation.data.empty()) {
    throw input_error("pretrain.data.validation.data: no row to validate on: every document has a single token");
  }
  std::uint64_t documents = 0;
  for (const auto& source : corpus.train) documents += documents_of(source);
  throw input_error(
      "pretrain.data.validation.fraction: {} holds out none of {} documents; raise it, set hold_out to tail, or name "
      "files under pretrain.data.validation.data",
      *validation.fraction, with_thousands(documents));
}

void warn_of_shared_files(const PreparedCorpus& corpus, const Log& log) {
  std::set<std::string> trained;
  for (const auto& source : corpus.train) {
    for (const auto& file : source.files) trained.insert(file.sha256);
  }
  for (const auto& source : corpus.validation) {
    for (const auto& file : source.files) {
      if (trained.contains(file.sha256)) {
        log.warn("{}: a training file has the same content: validation on it measures memory", file.file.path.string());
      }
    }
  }
}

std::string fingerprint_of(const PreparedCorpus& corpus, const ReadRules& rules) {
  Sha256 digest;
  for (const auto* side : {&corpus.train, &corpus.validation}) {
    for (const auto& source : *side) {
      digest.update("source\n");
      for (const auto& file : source.files) {
        digest.update(fmt::format("{} {}\n", file.sha256, reading_settings(file.file, file.source, rules)));
      }
    }
    digest.update("end\n");
  }
  return digest.finish();
}

}  // namespace

std::uint64_t PreparedCorpus::train_rows() const { return rows_of(train); }
std::uint64_t PreparedCorpus::validation_rows() const { return rows_of(validation); }

PreparedCorpus prepare_corpus(const PretrainConfig& config, const Tokenizer& tokenizer, const PrepareOptions& options,
                              const Log& log) {
  const ReadRules rules = read_rules(config.data);
  PreparedCorpus corpus;
  corpus.train = list_sources(config.data.train);
  corpus.validation = list_sources(config.data.validation.data);
  std::vector<PreparedFile*> files;
  for (auto* side : {&corpus.train, &corpus.validation}) {
    for (auto& source : *side) {
      for (auto& file : source.files) files.push_back(&file);
    }
  }
  ShardCache cache(config.data.cache, log);
  CacheWriting writing(cache);
  prepare_shards(files, rules, tokenizer, options, cache, writing, log);
  for (const auto* file : files) corpus.bad_lines.merge(file->bad_lines);
  check_bad_lines(corpus.bad_lines, rules);
  warn_of_shared_files(corpus, log);
  corpus.fingerprint = fingerprint_of(corpus, rules);

  if (config.data.validation.fraction.value_or(0.0) > 0.0) corpus.validation = corpus.train;
  RowRules validation_rules = row_rules(config, true);
  if (!config.data.validation.data.empty()) validation_rules.held_out = false;
  const bool verify = options.verify != Verify::kNothing;
  for (auto& source : corpus.train) lay_rows(source, row_rules(config, false), verify, cache, writing, log);
  for (auto& source : corpus.validation) lay_rows(source, validation_rules, verify, cache, writing, log);
  for (const auto& source : corpus.train) check_long_documents(source, config, log);
  check_training_rows(config, corpus.train);
  check_validation_rows(config, corpus);
  std::erase_if(corpus.validation, [](const auto& source) { return source.counts.rows == 0; });
  return corpus;
}

Mixture training_mixture(const std::vector<PreparedSource>& sources, std::uint64_t seed) {
  std::vector<MixtureSource> mixed;
  for (const auto& source : sources) mixed.push_back({.weight = source.weight, .rows = source.counts.rows});
  return {seed, mixed};
}

std::vector<RowSource> open_rows(const std::vector<PreparedSource>& sources, std::int64_t sequence_length,
                                 std::uint64_t vocab_size) {
  std::vector<RowSource> rows;
  for (const auto& source : sources) {
    std::vector<fs::path> shards;
    for (const auto& file : source.files) shards.push_back(file.shard);
    rows.emplace_back(std::move(shards), source.row_index, static_cast<std::uint64_t>(sequence_length), vocab_size);
  }
  return rows;
}

}  // namespace llmtrain
