#include "lib/tokenizer/merge_learner.h"

#include <algorithm>
#include <array>

#include "lib/base/error.h"
#include "lib/tokenizer/word_hash.h"

namespace llmtrain {
namespace {

constexpr std::uint32_t kNone = 0xffffffffU;
constexpr std::size_t kAhead = 8;  // words fetched into the cache before their turn
constexpr std::size_t kFirstIndex = std::size_t{1} << 16;

}  // namespace

MergeLearner::MergeLearner(std::vector<std::string> tokens, std::unordered_set<std::string> forbidden)
    : tokens_(std::move(tokens)), forbidden_(std::move(forbidden)), index_(kFirstIndex, kNone) {}

void MergeLearner::learn(std::span<const WordCount> words, std::size_t vocab_size, std::uint64_t min_frequency,
                         const std::function<void()>& on_merge) {
  load(words);
  while (tokens_.size() < vocab_size) {
    const auto best = take_best(min_frequency);
    if (!best) return;
    Pair& pair = pairs_[*best];
    std::string joined = tokens_[pair.left] + tokens_[pair.right];
    if (forbidden_.contains(joined)) {
      pair.count = 0;
      continue;
    }
    const auto merged = static_cast<std::uint32_t>(tokens_.size());
    tokens_.push_back(std::move(joined));
    before_.resize(tokens_.size());
    after_.resize(tokens_.size());
    merges_.push_back({.left = pair.left, .right = pair.right, .merged = merged});
    merge(*best, merged);
    on_merge();
  }
}

void MergeLearner::load(std::span<const WordCount> words) {
  std::array<std::uint32_t, 256> byte_ids{};
  for (std::uint32_t id = 0; id < tokens_.size(); ++id) {
    if (tokens_[id].size() == 1) byte_ids[static_cast<unsigned char>(tokens_[id][0])] = id;
  }
  ENSURE(words.size() < kNone, words.size());
  std::size_t bytes = 0;
  for (const auto& word : words) bytes += word.word.size();
  symbols_.reserve(bytes);
  words_.reserve(words.size());
  for (const auto& [text, count] : words) {
    if (text.size() < 2) continue;
    const auto place = static_cast<std::uint32_t>(words_.size());
    words_.push_back({.first = symbols_.size(), .length = static_cast<std::uint32_t>(text.size()), .count = count});
    for (const char c : text) symbols_.push_back(byte_ids[static_cast<unsigned char>(c)]);
    const std::uint32_t* symbol = &symbols_[words_.back().first];
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
      Pair& pair = pairs_[find_pair(symbol[i], symbol[i + 1])];
      pair.count += count;
      if (pair.words.empty() || pair.words.back() != place) pair.words.push_back(place);
    }
  }
  for (std::uint32_t i = 0; i < pairs_.size(); ++i) queue(i);
}

std::uint32_t MergeLearner::find_pair(std::uint32_t left, std::uint32_t right) {
  if (pairs_.size() * 2 >= index_.size()) grow_index();
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash_pair(left, right) & mask;
  for (; index_[slot] != kNone; slot = (slot + 1) & mask) {
    const Pair& pair = pairs_[index_[slot]];
    if (pair.left == left && pair.right == right) return index_[slot];
  }
  ENSURE(pairs_.size() < kNone);
  index_[slot] = static_cast<std::uint32_t>(pairs_.size());
  pairs_.push_back({.left = left, .right = right, .count = 0, .words = {}});
  return index_[slot];
}

void MergeLearner::grow_index() {
  index_.assign(index_.size() * 2, kNone);
  const std::size_t mask = index_.size() - 1;
  for (std::uint32_t i = 0; i < pairs_.size(); ++i) {
    std::size_t slot = hash_pair(pairs_[i].left, pairs_[i].right) & mask;
    while (index_[slot] != kNone) slot = (slot + 1) & mask;
    index_[slot] = i;
  }
}

bool MergeLearner::comes_later(const Candidate& a, const Candidate& b) const {
  if (a.count != b.count) return a.count < b.count;
  const Pair& x = pairs_[a.pair];
  const Pair& y = pairs_[b.pair];
  return x.left != y.left ? x.left > y.left : x.right > y.right;
}

void MergeLearner::queue(std::uint32_t pair) {
  if (pairs_[pair].count == 0) return;
  queue_.push_back({.count = pairs_[pair].count, .pair = pair});
  std::push_heap(queue_.begin(), queue_.end(), [this](const auto& a, const auto& b) { return comes_later(a, b); });
}

std::optional<std::uint32_t> MergeLearner::take_best(std::uint64_t min_frequency) {
  while (!queue_.empty()) {
    std::pop_heap(queue_.begin(), queue_.end(), [this](const auto& a, const auto& b) { return comes_later(a, b); });
    const Candidate best = queue_.back();
    queue_.pop_back();
    if (best.count != pairs_[best.pair].count) {  // it became rarer since; counts of queued pairs never rise unqueued
      queue(best.pair);
      continue;
    }
    if (best.count < min_frequency) return std::nullopt;
    return best.pair;
  }
  return std::nullopt;
}

void MergeLearner::merge(std::uint32_t place, std::uint32_t merged) {
  const std::vector<std::uint32_t> words = std::move(pairs_[place].words);
  pairs_[place].words = {};
  const std::uint32_t left = pairs_[place].left;
  const std::uint32_t right = pairs_[place].right;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i + 2 * kAhead < words.size()) __builtin_prefetch(&words_[words[i + 2 * kAhead]]);
    if (i + kAhead < words.size()) __builtin_prefetch(&symbols_[words_[words[i + kAhead]].first]);
    merge_in_word(words[i], pairs_[place], merged);
  }

  std::vector<std::uint32_t> changed;
  for (const std::uint32_t id : touched_before_) {
    const std::uint32_t lost = find_pair(id, left);
    const std::uint32_t gained = find_pair(id, merged);
    settle(lost, gained, before_[id], changed);
  }
  for (const std::uint32_t id : touched_after_) {
    const std::uint32_t lost = find_pair(right, id);
    const std::uint32_t gained = find_pair(merged, id);
    settle(lost, gained, after_[id], changed);
  }
  touched_before_.clear();
  touched_after_.clear();
  pairs_[place].count = 0;
  for (const std::uint32_t pair : changed) queue(pair);
}

void MergeLearner::merge_in_word(std::uint32_t place, const Pair& pair, std::uint32_t merged) {
  Word& word = words_[place];
  std::uint32_t* symbols = &symbols_[word.first];
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < word.length; ++i) {
    if (symbols[i] != pair.left || i + 1 == word.length || symbols[i + 1] != pair.right) {
      symbols[kept++] = symbols[i];
      continue;
    }
    if (kept > 0) note(before_, touched_before_, symbols[kept - 1], place);
    symbols[kept++] = merged;
    ++i;
    if (i + 1 < word.length) note(after_, touched_after_, symbols[i + 1], place);
  }
  word.length = kept;
}

void MergeLearner::note(Neighbours& side, std::vector<std::uint32_t>& touched, std::uint32_t id, std::uint32_t word) {
  Neighbour& neighbour = side[id];
  if (neighbour.count == 0) touched.push_back(id);
  neighbour.count += words_[word].count;
  if (neighbour.words.empty() || neighbour.words.back() != word) neighbour.words.push_back(word);
}

// What stood beside the merged pair stands beside the new token now. Counts wrap round meanwhile: a pair made and
// merged again within one word may be subtracted before it is added.
void MergeLearner::settle(std::uint32_t lost, std::uint32_t gained, Neighbour& neighbour,
                          std::vector<std::uint32_t>& changed) {
  pairs_[lost].count -= neighbour.count;
  Pair& pair = pairs_[gained];
  pair.count += neighbour.count;
  if (pair.words.empty()) {
    pair.words = std::move(neighbour.words);
  } else {
    pair.words.insert(pair.words.end(), neighbour.words.begin(), neighbour.words.end());
  }
  neighbour = {};
  changed.push_back(gained);
}

}  // namespace llmtrain
