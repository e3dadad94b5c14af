#include "lib/tokenizer/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "lib/base/error.h"
#include "lib/tokenizer/word_hash.h"

namespace llmtrain {
namespace {

constexpr std::size_t kShortWord = 64;  // up to here scanning all pairs again beats a heap
constexpr std::uint32_t kEnd = 0xffffffffU;

}  // namespace

Bpe::Bpe(const std::array<std::uint32_t, 256>& byte_ids, std::span<const MergeRule> merges) : byte_ids_(byte_ids) {
  ENSURE(merges.size() < kNoMerge);
  rules_.resize(std::bit_ceil(merges.size() * 2 + 2));
  mask_ = rules_.size() - 1;
  for (std::uint32_t rank = 0; rank < merges.size(); ++rank) {
    const auto& merge = merges[rank];
    const std::uint64_t pair = (std::uint64_t{merge.left} << 32) | merge.right;
    std::uint64_t slot = hash_pair(merge.left, merge.right) & mask_;
    while (rules_[slot].pair != kNoPair && rules_[slot].pair != pair) slot = (slot + 1) & mask_;
    rules_[slot] = {.pair = pair, .rank = rank};
    merged_.push_back(merge.merged);
  }
  byte_ranks_.reserve(std::size_t{256} * 256);
  for (const std::uint32_t left : byte_ids_) {
    for (const std::uint32_t right : byte_ids_) byte_ranks_.push_back(rank_of(left, right));
  }
}

std::uint32_t Bpe::rank_of(std::uint32_t left, std::uint32_t right) const {
  const std::uint64_t pair = (std::uint64_t{left} << 32) | right;
  std::uint64_t slot = hash_pair(left, right) & mask_;
  while (rules_[slot].pair != pair && rules_[slot].pair != kNoPair) slot = (slot + 1) & mask_;
  return rules_[slot].rank;
}

void Bpe::encode(std::string_view word, std::vector<std::uint32_t>& ids, BpeScratch& scratch) const {
  if (word.size() <= kShortWord) {
    encode_short(word, ids);
  } else {
    encode_long(word, ids, scratch);
  }
}

void Bpe::encode_short(std::string_view word, std::vector<std::uint32_t>& ids) const {
  std::array<std::uint32_t, kShortWord> symbols;
  std::array<std::uint32_t, kShortWord> ranks;  // of the pair that starts here
  std::size_t count = word.size();
  for (std::size_t i = 0; i < count; ++i) symbols[i] = byte_ids_[static_cast<unsigned char>(word[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = rank_of_bytes(word[i], word[i + 1]);
  while (count > 1) {
    const auto best = std::min_element(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(count - 1));
    if (*best == kNoMerge) break;
    const auto at = static_cast<std::size_t>(best - ranks.begin());
    symbols[at] = merged_[*best];
    --count;
    std::copy(symbols.data() + at + 2, symbols.data() + count + 1, symbols.data() + at + 1);
    if (at + 1 < count) {
      std::copy(ranks.data() + at + 2, ranks.data() + count, ranks.data() + at + 1);
      ranks[at] = rank_of(symbols[at], symbols[at + 1]);
    }
    if (at > 0) ranks[at - 1] = rank_of(symbols[at - 1], symbols[at]);
  }
  ids.insert(ids.end(), symbols.data(), symbols.data() + count);
}

void Bpe::encode_long(std::string_view word, std::vector<std::uint32_t>& ids, BpeScratch& scratch) const {
  ENSURE(word.size() < kEnd, word.size());
  const auto count = static_cast<std::uint32_t>(word.size());
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  symbols.resize(count);
  queue.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    symbols[i] = {.id = byte_ids_[static_cast<unsigned char>(word[i])],
                  .rank = kNoMerge,
                  .previous = i == 0 ? kEnd : i - 1,
                  .next = i + 1 == count ? kEnd : i + 1};
  }
  const auto queue_up = [&](std::uint32_t at) {
    if (symbols[at].rank != kNoMerge) queue.push_back((std::uint64_t{symbols[at].rank} << 32) | at);
    return symbols[at].rank != kNoMerge;
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    if (i + 1 < count) symbols[i].rank = rank_of_bytes(word[i], word[i + 1]);
    queue_up(i);
  }
  const auto rate = [&](std::uint32_t at) {
    auto& symbol = symbols[at];
    symbol.rank = symbol.next == kEnd ? kNoMerge : rank_of(symbol.id, symbols[symbol.next].id);
    return queue_up(at);
  };
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const auto rank = static_cast<std::uint32_t>(queue.back() >> 32);
    const auto at = static_cast<std::uint32_t>(queue.back());
    queue.pop_back();
    auto& symbol = symbols[at];
    if (symbol.rank != rank) continue;  // this pair is gone
    auto& gone = symbols[symbol.next];
    symbol.id = merged_[rank];
    symbol.next = gone.next;
    gone.rank = kNoMerge;
    if (symbol.next != kEnd) symbols[symbol.next].previous = at;
    if (rate(at)) std::push_heap(queue.begin(), queue.end(), std::greater<>());
    if (symbol.previous != kEnd && rate(symbol.previous)) {
      std::push_heap(queue.begin(), queue.end(), std::greater<>());
    }
  }
  for (std::uint32_t at = 0; at != kEnd; at = symbols[at].next) ids.push_back(symbols[at].id);
}

}  // namespace llmtrain
