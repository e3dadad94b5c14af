#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace llmtrain {

// A run of tokens that lies in rows as it lies in its file.
struct RowPiece {
  std::uint64_t row_begin = 0;    // where it begins in the rows laid end to end, `stride` tokens each
  std::uint64_t token_begin = 0;  // where it begins in the shards of the source laid end to end
  std::uint64_t length = 0;       // at least 2: a piece of one token has nothing to learn
};
static_assert(sizeof(RowPiece) == 24);

// Lays documents one after another. Rows of `sequence_length` tokens, of which each also sees the first of the next row
// as its last target, so that every token but the first of all is a target once; a document that does not fit goes on
// in the next row. Only the last row may be short.
class StreamPacker {
 public:
  explicit StreamPacker(std::uint64_t sequence_length) : sequence_length_(sequence_length) {}
  RowPiece add(std::uint64_t token_begin, std::uint64_t length);
  std::uint64_t rows() const;

 private:
  std::uint64_t sequence_length_;
  std::uint64_t end_ = 0;
};

// Puts lengths (each at most `capacity`) into as few bins as best-fit decreasing finds (Johnson 1973): the longest
// first, each into the fullest bin it fits into, ties by the bin opened first. Returns the places in `lengths` by bin.
std::vector<std::vector<std::size_t>> pack_best_fit(std::span<const std::uint64_t> lengths, std::uint64_t capacity);

// Keeps documents whole: each row of `sequence_length` + 1 tokens holds pieces that fit, by pack_best_fit inside
// windows of kPackingWindow pieces, and padding. A document longer than a row is cut into pieces that share a token at
// the seam, so that again every token but its first is a target once.
inline constexpr std::size_t kPackingWindow = 4096;
class BestFitPacker {
 public:
  explicit BestFitPacker(std::uint64_t sequence_length) : sequence_length_(sequence_length) {}
  // Appends the pieces of every window that got full to `out`, in the order of rows.
  void add(std::uint64_t token_begin, std::uint64_t length, std::vector<RowPiece>& out);
  // The last window.
  void finish(std::vector<RowPiece>& out);
  std::uint64_t rows() const { return rows_; }

 private:
  std::uint64_t sequence_length_;
  std::uint64_t rows_ = 0;
  std::vector<RowPiece> window_;  // row_begin is not known yet
};

}  // namespace llmtrain
