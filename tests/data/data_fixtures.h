#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lib/data/token_shards.h"
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

}  // namespace llmtrain
