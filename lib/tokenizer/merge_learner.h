#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "lib/tokenizer/tokenizer_spec.h"
#include "lib/tokenizer/word_counter.h"

namespace llmtrain {

// Learns merges: of all pairs of neighbours in the counted words the most frequent becomes a token, again and again.
// Of pairs equally frequent the one with the lowest left id comes first, then with the lowest right id, so the result
// depends on the counts alone. No two merges make the same bytes: where they stand, the merges before went the same
// way.
class MergeLearner {
 public:
  // tokens: bytes by id; each single byte is among them. forbidden: bytes that no merge may make.
  MergeLearner(std::vector<std::string> tokens, std::unordered_set<std::string> forbidden);

  // Learns until there are vocab_size tokens or no pair is seen min_frequency times. on_merge is called after each
  // merge and may throw to stop.
  void learn(std::span<const WordCount> words, std::size_t vocab_size, std::uint64_t min_frequency,
             const std::function<void()>& on_merge);

  std::vector<std::string> take_tokens() { return std::move(tokens_); }
  std::vector<MergeRule> take_merges() { return std::move(merges_); }

 private:
  struct Word {
    std::uint64_t first;  // in symbols_
    std::uint32_t length;
    std::uint64_t count;
  };
  struct Pair {
    std::uint32_t left;
    std::uint32_t right;
    std::uint64_t count = 0;           // how often it stands in the text now
    std::vector<std::uint32_t> words;  // where it stands, or stood
  };
  struct Candidate {
    std::uint64_t count;  // when it was queued
    std::uint32_t pair;   // in pairs_
  };
  // What stands beside the pair being merged: how often, and in which words.
  struct Neighbour {
    std::uint64_t count = 0;
    std::vector<std::uint32_t> words;
  };
  using Neighbours = std::vector<Neighbour>;  // by token id

  void load(std::span<const WordCount> words);
  std::uint32_t find_pair(std::uint32_t left, std::uint32_t right);  // makes it if there is none
  void grow_index();
  bool comes_later(const Candidate& a, const Candidate& b) const;
  void queue(std::uint32_t pair);
  // The most frequent pair, out of the queue; nothing once none is frequent enough.
  std::optional<std::uint32_t> take_best(std::uint64_t min_frequency);
  void merge(std::uint32_t pair, std::uint32_t merged);
  void merge_in_word(std::uint32_t word, const Pair& pair, std::uint32_t merged);
  void note(Neighbours& side, std::vector<std::uint32_t>& touched, std::uint32_t id, std::uint32_t word);
  void settle(std::uint32_t lost, std::uint32_t gained, Neighbour& neighbour, std::vector<std::uint32_t>& changed);

  std::vector<std::string> tokens_;
  std::unordered_set<std::string> forbidden_;
  std::vector<MergeRule> merges_;
  std::vector<Word> words_;
  std::vector<std::uint32_t> symbols_;
  std::vector<Pair> pairs_;
  std::vector<std::uint32_t> index_;  // open addressing: place in pairs_ by hash of the pair
  std::vector<Candidate> queue_;      // a heap
  Neighbours before_;
  Neighbours after_;
  std::vector<std::uint32_t> touched_before_;
  std::vector<std::uint32_t> touched_after_;
};

}  // namespace llmtrain
