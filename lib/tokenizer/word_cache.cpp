#include "lib/tokenizer/word_cache.h"

#include <algorithm>
#include <cstring>

namespace llmtrain {
namespace {

constexpr std::size_t kEntries = std::size_t{1} << 15;
constexpr std::size_t kOverflow = std::size_t{1} << 20;  // ids
constexpr std::uint32_t kInline = 0xffffffffU;

std::size_t slot_of(std::uint64_t hash) { return hash & (kEntries - 1); }
std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

}  // namespace

WordCache::WordCache() : entries_(kEntries) {}

const std::uint32_t* WordCache::content(const Entry& entry) const {
  return entry.overflow == kInline ? entry.content : overflow_.data() + entry.overflow;
}

bool WordCache::holds(const Entry& entry, std::string_view word, std::uint32_t tag) const {
  return entry.tag == tag && entry.count != 0 && entry.length == word.size() &&
         std::memcmp(content(entry) + entry.count, word.data(), word.size()) == 0;
}

std::span<const std::uint32_t> WordCache::find(std::string_view word, std::uint64_t hash) const {
  const std::size_t slot = slot_of(hash);
  const std::uint32_t tag = tag_of(hash);
  for (const std::size_t at : {slot, slot ^ 1U}) {
    const Entry& entry = entries_[at];
    if (holds(entry, word, tag)) return {content(entry), entry.count};
  }
  return {};
}

void WordCache::store(std::string_view word, std::uint64_t hash, std::span<const std::uint32_t> ids) {
  if (word.size() > UINT8_MAX || ids.size() > UINT8_MAX || ids.empty()) return;
  const std::size_t words = ids.size() + (word.size() + sizeof(std::uint32_t) - 1) / sizeof(std::uint32_t);
  Entry fresh{};
  fresh.tag = tag_of(hash);
  fresh.overflow = kInline;
  fresh.count = static_cast<std::uint8_t>(ids.size());
  fresh.length = static_cast<std::uint8_t>(word.size());
  std::uint32_t* to = fresh.content;
  if (words > std::size(fresh.content)) {
    if (overflow_.size() + words > kOverflow) {
      std::fill(entries_.begin(), entries_.end(), Entry{});
      overflow_.clear();
    }
    fresh.overflow = static_cast<std::uint32_t>(overflow_.size());
    overflow_.resize(overflow_.size() + words);
    to = overflow_.data() + fresh.overflow;
  }
  std::copy(ids.begin(), ids.end(), to);
  std::memcpy(to + ids.size(), word.data(), word.size());
  const std::size_t slot = slot_of(hash);
  entries_[slot ^ 1U] = entries_[slot];  // the older of the two leaves
  entries_[slot] = fresh;
}

}  // namespace llmtrain
