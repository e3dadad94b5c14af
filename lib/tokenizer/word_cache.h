#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace llmtrain {

// Remembers the ids of words met before. Of fixed size: a new word takes the place of an old one. One thread at a time.
// Whoever fills it asks it about one tokenizer's words only.
class WordCache {
 public:
  WordCache();

  // The ids of the word if they are known. Valid until the next call of store().
  std::span<const std::uint32_t> find(std::string_view word, std::uint64_t hash) const;
  // Words or ids too many to keep are left out.
  void store(std::string_view word, std::uint64_t hash, std::span<const std::uint32_t> ids);

 private:
  // One cache line. The ids, then the word's bytes, stand in the entry if there is room, otherwise in overflow_.
  struct alignas(64) Entry {
    std::uint32_t tag;       // of the hash
    std::uint32_t overflow;  // where in overflow_, in ids; kInline: in the entry
    std::uint8_t count;      // of ids; 0: the entry is empty
    std::uint8_t length;     // of the word, in bytes
    std::uint16_t unused;
    std::uint32_t content[13];
  };
  static_assert(sizeof(Entry) == 64);

  bool holds(const Entry& entry, std::string_view word, std::uint32_t tag) const;
  const std::uint32_t* content(const Entry& entry) const;

  std::vector<Entry> entries_;  // pairs of neighbours; a word may stand in either of its pair
  std::vector<std::uint32_t> overflow_;
};

}  // namespace llmtrain
