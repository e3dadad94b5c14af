#include "lib/data/row_source.h"

#include <algorithm>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// Well below the number of maps that Linux allows a process (vm.max_map_count, 65530).
constexpr std::size_t kMaxOpenShards = 4096;

}  // namespace

RowSource::RowSource(std::vector<std::filesystem::path> shards, const std::filesystem::path& index,
                     std::uint64_t sequence_length, std::uint64_t vocab_size)
    : paths_(std::move(shards)),
      index_(index),
      sequence_length_(sequence_length),
      vocab_size_(vocab_size),
      open_(paths_.size()) {
  begins_.push_back(0);
  for (std::size_t i = 0; i < paths_.size(); ++i) begins_.push_back(begins_.back() + shard(i).tokens());
}

const TokenShard& RowSource::shard(std::size_t index) {
  if (!open_[index]) {
    if (opened_.size() == kMaxOpenShards) {
      open_[opened_.front()].reset();
      opened_.pop_front();
    }
    open_[index].emplace(paths_[index]);
    opened_.push_back(index);
  }
  return *open_[index];
}

void RowSource::copy(std::uint64_t token_begin, std::span<std::int32_t> out) {
  const auto after = std::ranges::upper_bound(begins_, token_begin);
  const auto index = static_cast<std::size_t>(after - begins_.begin()) - 1;
  const auto& from = shard(index);
  const std::uint64_t begin = token_begin - begins_[index];
  from.read(begin, out);
  const auto is_bad = [this](std::int32_t id) { return id < 0 || static_cast<std::uint64_t>(id) >= vocab_size_; };
  const auto bad = std::ranges::find_if(out, is_bad);
  if (bad != out.end()) {
    const auto place = begin + static_cast<std::uint64_t>(bad - out.begin());
    throw input_error(
        "{}: byte {}: token id out of range: expected below {}, got {}; check model.vocab, or run "
        "'llmtrain data prepare --verify-data'",
        paths_[index].string(), from.byte_offset(place), vocab_size_, static_cast<std::uint32_t>(*bad));
  }
}

// Its length and digest were looked at when the run began.
Error RowSource::damaged_index() const {
  return input_error("{}: changed while it was read; run the same command again, which makes it anew",
                     index_.file().path().string());
}

void RowSource::read(std::uint64_t row, std::span<std::int32_t> tokens, RowShape& shape) {
  ENSURE(row < rows() && tokens.size() == sequence_length_ + 1, row, rows(), tokens.size());
  const std::uint64_t row_begin = row * index_.stride();
  const std::uint64_t row_end = row_begin + tokens.size();
  shape.length = 0;
  shape.starts.clear();
  for (const auto& piece : index_.pieces(row_begin, row_end)) {
    const std::uint64_t begin = std::max(piece.row_begin, row_begin);
    const std::uint64_t end = std::min(piece.row_begin + piece.length, row_end);
    const auto at = static_cast<std::uint32_t>(begin - row_begin);
    if (at != shape.length || begin >= end) throw damaged_index();
    shape.starts.push_back(at);
    shape.length = static_cast<std::uint32_t>(end - row_begin);
    copy(piece.token_begin + (begin - piece.row_begin), tokens.subspan(at, end - begin));
  }
  if (shape.length < 2) throw damaged_index();
  std::ranges::fill(tokens.subspan(shape.length), 0);
}

}  // namespace llmtrain
