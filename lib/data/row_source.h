#pragma once
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/error.h"
#include "lib/data/row_index.h"
#include "lib/data/token_shards.h"

namespace llmtrain {

// What one row holds, besides its tokens.
struct RowShape {
  std::uint32_t length = 0;           // tokens; padding follows
  std::vector<std::uint32_t> starts;  // where a document, or what the row holds of it, begins: 0 and rising
};

// The rows of one source, any of them at once. Keeps a bounded number of shards mapped. For one thread at a time.
class RowSource {
 public:
  // shards: in the order of the index. vocab_size: of the model that will see the ids.
  RowSource(std::vector<std::filesystem::path> shards, const std::filesystem::path& index,
            std::uint64_t sequence_length, std::uint64_t vocab_size);

  std::uint64_t rows() const { return index_.counts().rows; }
  std::uint64_t sequence_length() const { return sequence_length_; }
  const RowCounts& counts() const { return index_.counts(); }

  // Fills tokens [sequence_length + 1] of a row, padding as 0. Throws input_error (3) naming the shard and the byte if
  // an id is not below vocab_size.
  void read(std::uint64_t row, std::span<std::int32_t> tokens, RowShape& shape);

 private:
  const TokenShard& shard(std::size_t index);
  void copy(std::uint64_t token_begin, std::span<std::int32_t> out);
  Error damaged_index() const;

  std::vector<std::filesystem::path> paths_;
  RowIndex index_;
  std::uint64_t sequence_length_;
  std::uint64_t vocab_size_;
  std::vector<std::uint64_t> begins_;  // [shards + 1]: of each shard in the source
  std::vector<std::optional<TokenShard>> open_;
  std::deque<std::size_t> opened_;  // which are open, oldest first
};

}  // namespace llmtrain
