#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/data/cache_file.h"
#include "lib/data/document_source.h"
#include "lib/data/spill_buffer.h"

namespace llmtrain {

// What a shard says of one document.
struct ShardDocument {
  std::uint64_t end = 0;    // one past its last token
  std::uint64_t hash = 0;   // of its content alone: equal documents have equal hashes
  std::uint64_t place = 0;  // where it begins in the file it came from: a line (from 1), in token files a byte offset
};
static_assert(sizeof(ShardDocument) == 24);

// 64 bits of the SHA-256 of the bytes.
std::uint64_t content_hash(std::string_view bytes);

// Where a shard comes from. Equal origins mean equal bytes.
struct ShardOrigin {
  std::string source_sha256;  // of the file
  std::string tokenizer;      // Tokenizer::hash()
  std::string settings;       // how the file was read, as text
  std::uint64_t vocab_size = 0;
};
// The name of the shard in the cache: 64 hexadecimal digits.
std::string shard_key(const ShardOrigin& origin);

// Tokens as they are handed to a shard: parts of documents in the order of the file.
struct TokenizedPiece {
  std::uint64_t end = 0;  // one past its last token in TokenizedBatch::ids
  std::uint64_t hash = 0;
  std::uint64_t place = 0;
  std::uint64_t text_bytes = 0;
  bool continues = false;  // the next piece belongs to the same document
};
struct TokenizedBatch {
  std::vector<std::uint32_t> ids;
  std::vector<TokenizedPiece> pieces;
};

// Writes the shard of one file, in constant memory. The hash of a document in several pieces is made of theirs.
class ShardWriter {
 public:
  ShardWriter(const std::filesystem::path& path, ShardOrigin origin);

  void append(const TokenizedBatch& batch);
  // source: what the file is called in the messages of bad_lines.
  void commit(const BadLines& bad_lines, std::uint64_t empty_documents, const std::filesystem::path& source);

 private:
  void append_ids(std::span<const std::uint32_t> ids);

  ShardOrigin origin_;
  CacheFileWriter file_;
  SpillBuffer documents_;
  std::uint64_t tokens_offset_;
  std::uint64_t tokens_ = 0;
  std::uint64_t text_bytes_ = 0;
  std::vector<std::uint16_t> narrow_;
  std::vector<std::uint64_t> piece_hashes_;  // of the document that is not yet whole
  std::uint64_t place_ = 0;
};

// The tokens of one file with the bounds of its documents, mapped. Throws storage_error (5) where the file is damaged
// in a way that shows without reading it all; see verify_cache_file.
class TokenShard {
 public:
  explicit TokenShard(const std::filesystem::path& path);

  std::uint64_t tokens() const { return tokens_; }
  std::uint64_t text_bytes() const { return text_bytes_; }  // of the documents; in token files of what ids stand for
  std::uint64_t empty_documents() const { return empty_documents_; }
  int token_bytes() const { return token_bytes_; }  // 2 or 4
  std::uint64_t documents() const { return documents_; }
  // Calls take(document) for every document in order, in constant memory.
  void for_each_document(const std::function<void(const ShardDocument&)>& take) const;
  const ShardOrigin& origin() const { return origin_; }
  // Lines that were passed over, in messages that call the file `source`.
  BadLines bad_lines(const std::filesystem::path& source) const;
  // Copies tokens [begin, begin + out.size()).
  void read(std::uint64_t begin, std::span<std::int32_t> out) const;
  // Of the token in the file, for messages.
  std::uint64_t byte_offset(std::uint64_t token) const;
  const CacheFile& file() const { return file_; }

 private:
  CacheFile file_;
  ShardOrigin origin_;
  std::uint64_t tokens_offset_ = 0;
  std::uint64_t tokens_ = 0;
  std::uint64_t text_bytes_ = 0;
  std::uint64_t empty_documents_ = 0;
  int token_bytes_ = 0;
  std::span<const std::uint16_t> narrow_;
  std::span<const std::uint32_t> wide_;
  std::uint64_t documents_ = 0;
  std::uint64_t documents_offset_ = 0;
};

}  // namespace llmtrain
