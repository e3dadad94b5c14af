#include "lib/data/packing.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "lib/base/error.h"

namespace llmtrain {

RowPiece StreamPacker::add(std::uint64_t token_begin, std::uint64_t length) {
  ENSURE(length >= 2, length);
  const RowPiece piece{.row_begin = end_, .token_begin = token_begin, .length = length};
  end_ += length;
  return piece;
}

std::uint64_t StreamPacker::rows() const {
  return end_ == 0 ? 0 : (end_ - 1 + sequence_length_ - 1) / sequence_length_;
}

std::vector<std::vector<std::size_t>> pack_best_fit(std::span<const std::uint64_t> lengths, std::uint64_t capacity) {
  std::vector<std::size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<std::size_t>> bins;
  std::set<std::pair<std::uint64_t, std::size_t>> room;  // space left, bin
  for (const auto item : order) {
    const std::uint64_t length = lengths[item];
    ENSURE(length <= capacity, length, capacity);
    auto best = room.lower_bound({length, 0});
    if (best == room.end()) {
      best = room.emplace(capacity, bins.size()).first;
      bins.emplace_back();
    }
    const auto [space, bin] = *best;
    room.erase(best);
    bins[bin].push_back(item);
    if (space > length) room.emplace(space - length, bin);
  }
  return bins;
}

void BestFitPacker::add(std::uint64_t token_begin, std::uint64_t length, std::vector<RowPiece>& out) {
  ENSURE(length >= 2, length);
  for (std::uint64_t at = 0; at + 1 < length; at += sequence_length_) {
    window_.push_back({.token_begin = token_begin + at, .length = std::min(sequence_length_ + 1, length - at)});
    if (window_.size() == kPackingWindow) finish(out);
  }
}

void BestFitPacker::finish(std::vector<RowPiece>& out) {
  std::vector<std::uint64_t> lengths;
  lengths.reserve(window_.size());
  for (const auto& piece : window_) lengths.push_back(piece.length);
  for (const auto& bin : pack_best_fit(lengths, sequence_length_ + 1)) {
    std::uint64_t begin = rows_++ * (sequence_length_ + 1);
    for (const auto item : bin) {
      out.push_back({.row_begin = begin, .token_begin = window_[item].token_begin, .length = window_[item].length});
      begin += window_[item].length;
    }
  }
  window_.clear();
}

}  // namespace llmtrain
