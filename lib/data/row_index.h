#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lib/config/data_config.h"
#include "lib/data/cache_file.h"
#include "lib/data/packing.h"
#include "lib/data/token_shards.h"

namespace llmtrain {

// Which documents of a source become rows, and how.
struct RowRules {
  std::uint64_t sequence_length = 0;  // targets in a row
  Packing packing = Packing::kStream;
  LongDocuments long_documents = LongDocuments::kSplit;
  HoldOut hold_out = HoldOut::kDocuments;
  double held_out_fraction = 0.0;
  bool held_out = false;  // the rows are made of what is held out, or of what is left
};

// A document by the shard it stands in and ShardDocument::place.
struct DocumentPlace {
  std::uint64_t shard = 0;
  std::uint64_t place = 0;
};

struct RowCounts {
  std::uint64_t rows = 0;
  std::uint64_t tokens = 0;          // that lie in rows, each counted once
  std::uint64_t documents = 0;       // that give at least one row its tokens
  std::uint64_t other_side = 0;      // documents (whole ones) that stand on the other side of the validation split
  std::uint64_t too_short = 0;       // documents of one token, left out: they have nothing to learn
  std::uint64_t too_long = 0;        // documents longer than a row
  std::uint64_t dropped_tokens = 0;  // that drop and truncate left out
  std::optional<DocumentPlace> first_too_long = std::nullopt;
};

// Whether a document belongs to the held-out share: by its content alone, so that equal documents stand on one side,
// and one that is held out for a share is held out for every larger one.
bool is_held_out(std::uint64_t content_hash, double share);

// The name of the index in the cache. shards: shard_key of each, in order.
std::string row_index_key(const RowRules& rules, const std::vector<std::string>& shards);

// "corpus.jsonl:17", "train.bin: byte 2048".
std::string document_name(const CorpusFile& file, std::uint64_t place);

// Lays the documents of the shards, in order, into rows, in constant memory. Documents longer than a row under
// LongDocuments::kError throw input_error (3) naming the first. files: what each shard was made of.
void write_row_index(const std::filesystem::path& path, const RowRules& rules,
                     const std::vector<std::filesystem::path>& shards, const std::vector<CorpusFile>& files);

// How the documents of one source become rows, mapped.
class RowIndex {
 public:
  explicit RowIndex(const std::filesystem::path& path);

  const RowCounts& counts() const { return counts_; }
  // Tokens from the beginning of one row to that of the next.
  std::uint64_t stride() const { return stride_; }
  // The pieces that lie, in part at least, in [begin, end) of the rows laid end to end; in order. O(log pieces).
  std::span<const RowPiece> pieces(std::uint64_t begin, std::uint64_t end) const;
  const CacheFile& file() const { return file_; }

 private:
  CacheFile file_;
  RowCounts counts_;
  std::uint64_t stride_ = 0;
  std::span<const RowPiece> pieces_;
};

}  // namespace llmtrain
