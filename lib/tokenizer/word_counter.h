#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

struct WordCount {
  std::string_view word;
  std::uint64_t count = 0;
};

// Counts words. One thread at a time; each thread fills its own, then they are merged shard by shard: shards of the
// same number hold the same words in every counter and nothing of the others, so several threads may merge at once.
class WordCounter {
 public:
  static constexpr std::size_t kShards = 16;

  void add(std::string_view word) { add(word, 1); }
  void add(std::string_view word, std::uint64_t count);
  // Takes over the counts of that shard.
  void merge_shard(std::size_t shard, WordCounter& other);
  std::size_t distinct() const;
  // In no particular order; the words are valid as long as this counter is and nothing is added.
  std::vector<WordCount> counts() const;

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::uint64_t count = 0;  // 0: empty
    std::uint64_t offset = 0;
    std::uint32_t length = 0;
  };
  struct Shard {  // open addressing
    std::vector<Slot> slots;
    std::size_t used = 0;
    std::string bytes;  // of the words, one after the other

    void add(std::string_view word, std::uint64_t hash, std::uint64_t count);
    void grow();
    std::string_view word(const Slot& slot) const { return std::string_view(bytes).substr(slot.offset, slot.length); }
  };

  std::array<Shard, kShards> shards_;
};

// The counts of all counters, which are emptied, on up to `threads` threads.
WordCounter merge_counters(std::span<WordCounter> counters, int threads);

}  // namespace llmtrain
