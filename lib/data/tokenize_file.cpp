#include "lib/data/tokenize_file.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{256} << 10;
constexpr std::size_t kBatchPieces = 4096;

// A part of a document as it was read: text, or ids that are there already.
struct RawPiece {
  Document text;
  TokenPiece tokens;
};
struct RawBatch {
  std::vector<RawPiece> pieces;  // kept and used again, so that their memory is
  std::size_t used = 0;
};

// One file being read, text or tokens.
class PieceReader {
 public:
  PieceReader(const TokenizeTask& task, const Tokenizer& tokenizer)
      : is_tokens_(task.file.format == DataFormat::kTokens) {
    if (is_tokens_) {
      tokens_.emplace(task.file.path, task.file.compression,
                      token_binary_rules(task.source, tokenizer.vocab_size(), task.rules));
    } else {
      text_.emplace(task.file, task.source, task.rules);
    }
  }

  bool is_tokens() const { return is_tokens_; }
  std::uint64_t bytes_read() const { return is_tokens_ ? tokens_->bytes_read() : text_->bytes_read(); }
  const std::string& sha256() const { return is_tokens_ ? tokens_->sha256() : text_->sha256(); }
  BadLines bad_lines() const { return is_tokens_ ? BadLines{} : text_->bad_lines(); }
  std::uint64_t empty_documents() const { return is_tokens_ ? 0 : text_->empty_documents(); }

  // False at the end, with an empty batch.
  bool next(RawBatch& batch) {
    batch.used = 0;
    for (std::size_t bytes = 0; bytes < kBatchBytes && batch.used < kBatchPieces; ++batch.used) {
      if (batch.used == batch.pieces.size()) batch.pieces.emplace_back();
      auto& piece = batch.pieces[batch.used];
      if (!(is_tokens_ ? tokens_->next(piece.tokens) : text_->next(piece.text))) break;
      bytes += is_tokens_ ? piece.tokens.ids.size() * sizeof(std::uint32_t) : piece.text.text.size();
    }
    return batch.used > 0;
  }

 private:
  bool is_tokens_;
  std::optional<DocumentReader> text_;
  std::optional<TokenBinaryReader> tokens_;
};

class Encoder {
 public:
  Encoder(const TokenizeTask& task, const Tokenizer& tokenizer)
      : tokenizer_(tokenizer), is_tokens_(task.file.format == DataFormat::kTokens) {
    if (!is_tokens_ || task.source.document_token) end_token_ = tokenizer.end_of_document();
  }

  void encode(const RawBatch& raw, TokenizedBatch& batch) const {
    batch.ids.clear();
    batch.pieces.clear();
    for (std::size_t i = 0; i < raw.used; ++i) {
      batch.pieces.push_back(is_tokens_ ? take(raw.pieces[i].tokens, batch.ids) : take(raw.pieces[i].text, batch.ids));
      if (end_token_ && !batch.pieces.back().continues) batch.ids.push_back(*end_token_);
      batch.pieces.back().end = batch.ids.size();
    }
  }

 private:
  TokenizedPiece take(const Document& piece, std::vector<std::uint32_t>& ids) const {
    tokenizer_.encode(piece.text, ids);
    return {.hash = content_hash(piece.text),
            .place = piece.line,
            .text_bytes = piece.text.size(),
            .continues = piece.continues};
  }
  TokenizedPiece take(const TokenPiece& piece, std::vector<std::uint32_t>& ids) const {
    ids.insert(ids.end(), piece.ids.begin(), piece.ids.end());
    const auto bytes = std::span(piece.ids).size_bytes();
    return {.hash = content_hash({reinterpret_cast<const char*>(piece.ids.data()), bytes}),
            .place = piece.offset,
            .text_bytes = tokenizer_.decode(piece.ids).size(),
            .continues = piece.continues};
  }

  const Tokenizer& tokenizer_;
  bool is_tokens_;
  std::optional<std::uint32_t> end_token_;
};

// Threads that read in turn, encode side by side and append in the order of reading. What is held at once is a batch a
// thread.
class Pipeline {
 public:
  Pipeline(PieceReader& reader, const Encoder& encoder, ShardWriter& writer, Progress& progress)
      : reader_(reader), encoder_(encoder), writer_(writer), progress_(progress) {}

  void run(int threads) {
    {
      std::vector<std::jthread> pool;
      for (int i = 1; i < threads; ++i) pool.emplace_back([this] { work(); });
      work();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      RawBatch raw;
      TokenizedBatch batch;
      while (const auto turn = read(raw)) {
        encoder_.encode(raw, batch);
        if (!append(*turn, batch)) return;
      }
    } catch (...) {
      const std::scoped_lock lock(write_mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
      turn_came_.notify_all();
    }
  }

  // The number of the batch, or nothing at the end.
  std::optional<std::uint64_t> read(RawBatch& raw) {
    const std::scoped_lock lock(read_mutex_);
    if (failed_ || at_end_) return std::nullopt;
    stop_point("tokenizing");
    at_end_ = true;  // also if next() throws: nobody reads on behind a fault
    at_end_ = !reader_.next(raw);
    progress_.add(reader_.bytes_read() - std::exchange(bytes_read_, reader_.bytes_read()));
    if (at_end_) return std::nullopt;
    return batches_read_++;
  }

  bool append(std::uint64_t turn, const TokenizedBatch& batch) {
    std::unique_lock lock(write_mutex_);
    turn_came_.wait(lock, [&] { return failed_ || batches_written_ == turn; });
    if (failed_) return false;
    writer_.append(batch);
    ++batches_written_;
    turn_came_.notify_all();
    return true;
  }

  PieceReader& reader_;
  const Encoder& encoder_;
  ShardWriter& writer_;
  Progress& progress_;

  std::mutex read_mutex_;
  bool at_end_ = false;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t batches_read_ = 0;

  std::mutex write_mutex_;
  std::condition_variable turn_came_;
  std::uint64_t batches_written_ = 0;
  std::exception_ptr failure_;
  std::atomic<bool> failed_ = false;
};

}  // namespace

std::string reading_settings(const CorpusFile& file, const DataSource& source, const ReadRules& rules) {
  nlohmann::ordered_json settings = {{"format", enum_name(file.format)},
                                     {"compression", static_cast<int>(file.compression)},
                                     {"max_ratio", rules.max_ratio}};
  if (file.format == DataFormat::kTokens) {
    settings["token_width"] = enum_name(source.token_width);
    if (source.document_token) settings["document_token"] = *source.document_token;
    return settings.dump();
  }
  settings["max_piece"] = rules.max_piece;
  if (file.format == DataFormat::kText) {
    if (source.document_separator) settings["document_separator"] = *source.document_separator;
    return settings.dump();
  }
  settings["field"] = source.field;
  if (source.id_field) settings["id_field"] = *source.id_field;
  settings["extra_fields"] = enum_name(source.extra_fields);
  settings["on_bad_line"] = enum_name(rules.on_bad_line);
  settings["max_bad_lines"] = rules.max_bad_lines;
  settings["max_line"] = rules.max_line;
  settings["max_depth"] = rules.max_depth;
  return settings.dump();
}

void tokenize_file(const TokenizeTask& task, const Tokenizer& tokenizer, const std::filesystem::path& shard,
                   Progress& progress, int threads) {
  ShardWriter writer(shard, {.source_sha256 = task.sha256,
                             .tokenizer = tokenizer.hash(),
                             .settings = reading_settings(task.file, task.source, task.rules),
                             .vocab_size = tokenizer.vocab_size()});
  PieceReader reader(task, tokenizer);
  const Encoder encoder(task, tokenizer);
  Pipeline(reader, encoder, writer, progress).run(threads);
  if (reader.sha256() != task.sha256) {
    throw input_error("{}: changed while it was prepared: expected SHA-256 {}, got {}; try again",
                      task.file.path.string(), task.sha256, reader.sha256());
  }
  writer.commit(reader.bad_lines(), reader.empty_documents(), task.file.path);
}

}  // namespace llmtrain
