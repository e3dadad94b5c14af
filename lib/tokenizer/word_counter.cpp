#include "lib/tokenizer/word_counter.h"

#include <cstring>

#include "lib/base/error.h"
#include "lib/base/parallel.h"
#include "lib/tokenizer/word_hash.h"

namespace llmtrain {
namespace {

constexpr std::size_t kFirstSlots = 1024;

std::size_t shard_of(std::uint64_t hash) { return hash >> 60; }
static_assert(WordCounter::kShards == 16);

}  // namespace

void WordCounter::Shard::grow() {
  std::vector<Slot> old(slots.empty() ? kFirstSlots : slots.size() * 2);
  old.swap(slots);
  const std::size_t mask = slots.size() - 1;
  for (const Slot& slot : old) {
    if (slot.count == 0) continue;
    std::size_t at = slot.hash & mask;
    while (slots[at].count != 0) at = (at + 1) & mask;
    slots[at] = slot;
  }
}

void WordCounter::Shard::add(std::string_view text, std::uint64_t hash, std::uint64_t count) {
  if (used * 2 >= slots.size()) grow();
  const std::size_t mask = slots.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots[at];
    if (slot.count == 0) {
      slot = {.hash = hash, .count = count, .offset = bytes.size(), .length = static_cast<std::uint32_t>(text.size())};
      bytes += text;
      ++used;
      return;
    }
    if (slot.hash == hash && slot.length == text.size() &&
        std::memcmp(bytes.data() + slot.offset, text.data(), text.size()) == 0) {
      slot.count += count;
      return;
    }
  }
}

void WordCounter::add(std::string_view word, std::uint64_t count) {
  const std::uint64_t hash = hash_word(word);
  shards_[shard_of(hash)].add(word, hash, count);
}

void WordCounter::merge_shard(std::size_t shard, WordCounter& other) {
  Shard& from = other.shards_[shard];
  if (shards_[shard].used == 0) {
    shards_[shard] = std::move(from);
  } else {
    for (const Slot& slot : from.slots) {
      if (slot.count != 0) shards_[shard].add(from.word(slot), slot.hash, slot.count);
    }
  }
  from = Shard{};
}

std::size_t WordCounter::distinct() const {
  std::size_t words = 0;
  for (const auto& shard : shards_) words += shard.used;
  return words;
}

std::vector<WordCount> WordCounter::counts() const {
  std::vector<WordCount> all;
  all.reserve(distinct());
  for (const auto& shard : shards_) {
    for (const Slot& slot : shard.slots) {
      if (slot.count != 0) all.push_back({.word = shard.word(slot), .count = slot.count});
    }
  }
  return all;
}

WordCounter merge_counters(std::span<WordCounter> counters, int threads) {
  ENSURE(!counters.empty());
  WordCounter merged;
  const auto merge = [&](std::size_t shard) {
    for (auto& counter : counters) merged.merge_shard(shard, counter);
  };
  parallel_for(WordCounter::kShards, merge, threads);
  return merged;
}

}  // namespace llmtrain
