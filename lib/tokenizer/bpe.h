#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// What byte-pair merging works in; kept between words so that nothing is allocated for most of them.
struct BpeScratch {
  struct Symbol {
    std::uint32_t id;
    std::uint32_t rank;  // of this symbol with the next one; Bpe::kNoMerge if they do not merge
    std::uint32_t previous;
    std::uint32_t next;
  };
  std::vector<Symbol> symbols;
  std::vector<std::uint64_t> queue;  // rank above position: a heap, lowest first
};

// Byte-pair encoding of one pre-token (Sennrich et al. 2016, on bytes as GPT-2 has it): of all pairs of neighbours, the
// one whose rule stands first in the list is merged, the leftmost of equals, until no rule applies.
class Bpe {
 public:
  static constexpr std::uint32_t kNoMerge = 0xffffffffU;

  // byte_ids: the id of each byte. Where a pair has two rules, the later one holds.
  Bpe(const std::array<std::uint32_t, 256>& byte_ids, std::span<const MergeRule> merges);

  // Appends the ids of one word. O(n log n) for any word, no recursion. word.size() < 4 GiB.
  void encode(std::string_view word, std::vector<std::uint32_t>& ids, BpeScratch& scratch) const;

 private:
  struct Rule {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = kNoMerge;
  };
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};

  std::uint32_t rank_of(std::uint32_t left, std::uint32_t right) const;  // kNoMerge: no rule
  std::uint32_t rank_of_bytes(char left, char right) const {
    return byte_ranks_[static_cast<unsigned char>(left) * 256U + static_cast<unsigned char>(right)];
  }
  void encode_short(std::string_view word, std::vector<std::uint32_t>& ids) const;
  void encode_long(std::string_view word, std::vector<std::uint32_t>& ids, BpeScratch& scratch) const;

  std::array<std::uint32_t, 256> byte_ids_;
  std::vector<std::uint32_t> byte_ranks_;  // of every pair of bytes: what most look-ups ask for
  std::vector<std::uint32_t> merged_;      // by rank
  std::vector<Rule> rules_;                // open addressing, at most half full, so every probe ends
  std::uint64_t mask_ = 0;
};

}  // namespace llmtrain
