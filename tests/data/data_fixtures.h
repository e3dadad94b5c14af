#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/data/token_shards.h"
#include "lib/tokenizer/tokenizer_spec.h"
#include "tests/support/test_support.h"

namespace llmtrain {

using TokenDocument = std::vector<std::uint32_t>;

// One batch: documents with their ids as content, documents i at line i + 1.
inline TokenizedBatch batch_of(const std::vector<TokenDocument>& documents) {
  TokenizedBatch batch;
  for (const auto& ids : documents) {
    batch.ids.insert(batch.ids.end(), ids.begin(), ids.end());
    const auto bytes = std::as_bytes(std::span(ids));
    batch.pieces.push_back({.end = batch.ids.size(),
                            .hash = content_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                            .place = batch.pieces.size() + 1,
                            .text_bytes = 3 * ids.size(),
                            .continues = false});
  }
  return batch;
}

inline ShardOrigin origin_with(std::uint64_t vocab_size) {
  return {.source_sha256 = "ab", .tokenizer = "cd", .settings = "{}", .vocab_size = vocab_size};
}

inline std::filesystem::path write_shard(const std::filesystem::path& path, const std::vector<TokenDocument>& documents,
                                         std::uint64_t vocab_size = 100) {
  ShardWriter writer(path, origin_with(vocab_size));
  writer.append(batch_of(documents));
  writer.commit({}, 0, "corpus.jsonl");
  return path;
}

// Bytes and nothing merged: byte b has id b + 1, and 0 ends a document.
inline Tokenizer byte_tokenizer() {
  TokenizerSpec spec;
  spec.tokens.push_back({.bytes = "<|endoftext|>", .in_model = false});
  for (int byte = 0; byte < 256; ++byte) spec.tokens.push_back({.bytes = std::string(1, static_cast<char>(byte))});
  spec.added_tokens = {{.id = 0, .content = "<|endoftext|>"}};
  return Tokenizer(std::move(spec));
}

// What byte_tokenizer makes of a document.
inline std::vector<std::int32_t> byte_ids(std::string_view text) {
  std::vector<std::int32_t> ids;
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c) + 1);
  ids.push_back(0);
  return ids;
}

inline std::vector<std::int32_t> all_tokens(const TokenShard& shard) {
  std::vector<std::int32_t> ids(shard.tokens());
  shard.read(0, ids);
  return ids;
}

}  // namespace llmtrain
