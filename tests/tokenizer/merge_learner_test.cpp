#include "lib/tokenizer/merge_learner.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

struct Learnt {
  std::vector<std::string> tokens;  // beyond the bytes
  std::vector<MergeRule> merges;
};

// Bytes are their own ids.
Learnt learn(const std::vector<WordCount>& words, std::size_t merges, std::uint64_t min_frequency = 1,
             const std::unordered_set<std::string>& forbidden = {}) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  MergeLearner learner(std::move(tokens), forbidden);
  learner.learn(words, 256 + merges, min_frequency, [] {});
  tokens = learner.take_tokens();
  return {.tokens = {tokens.begin() + 256, tokens.end()}, .merges = learner.take_merges()};
}

// The example of the first tutorials, by hand: in "aaabdaaabac" the pair "aa" stands 4 times, then "Zb" and "ab" ...:
// aa → Z: ZabdZabac; "Za", "ab" twice each; 'a' 'b' has the lower left id: Y = ab: ZYdZYac; then "ZY" twice.
TEST(MergeLearner, LearnsTheTextbookExample) {
  const auto learnt = learn({{"aaabdaaabac", 1}}, 3);
  EXPECT_EQ(learnt.tokens, (std::vector<std::string>{"aa", "ab", "aaab"}));
  EXPECT_EQ(learnt.merges, (std::vector<MergeRule>{{'a', 'a', 256}, {'a', 'b', 257}, {256, 257, 258}}));
}

TEST(MergeLearner, WeighsPairsByTheCountsOfTheirWords) {
  EXPECT_EQ(learn({{"ab", 3}, {"cd", 5}, {"cdx", 1}}, 2).tokens, (std::vector<std::string>{"cd", "ab"}));
}

TEST(MergeLearner, BreaksTiesByTheLowestIds) {
  EXPECT_EQ(learn({{"zz", 2}, {"az", 2}, {"ab", 2}}, 3).tokens, (std::vector<std::string>{"ab", "az", "zz"}));
}

TEST(MergeLearner, StopsWherePairsAreTooRare) {
  EXPECT_EQ(learn({{"ab", 3}, {"cd", 1}}, 10, 2).tokens, (std::vector<std::string>{"ab"}));
}

TEST(MergeLearner, StopsWhereNothingIsLeftToMerge) {
  EXPECT_EQ(learn({{"abc", 2}}, 10).tokens, (std::vector<std::string>{"ab", "abc"}));
}

// Worked by hand. Words: "aab" x2, "ab" x3, "aa" x4. (a,a) = 2 + 4 = 6, (a,b) = 2 + 3 = 5: "aa" first. "aab" becomes
// aa b, so (a,b) falls to 3, (aa,b) = 2.
TEST(MergeLearner, CountsWhatAMergeTakesFromItsNeighbours) {
  const auto learnt = learn({{"aab", 2}, {"ab", 3}, {"aa", 4}}, 3);
  EXPECT_EQ(learnt.merges, (std::vector<MergeRule>{{'a', 'a', 256}, {'a', 'b', 257}, {256, 'b', 258}}));
}

// A run of equal letters: (a,a) counts overlapping, 3 in "aaaa"; after it (aa,aa) counts once.
TEST(MergeLearner, CountsRunsOfEqualLetters) {
  const auto learnt = learn({{"aaaa", 1}, {"bc", 2}}, 3);
  EXPECT_EQ(learnt.tokens, (std::vector<std::string>{"aa", "bc", "aaaa"}));
}

TEST(MergeLearner, NeverMakesWhatIsForbidden) {
  EXPECT_EQ(learn({{"pad", 9}}, 5, 1, {"pad"}).tokens, (std::vector<std::string>{"ad"}));
}

TEST(MergeLearner, StopsWhereTheCallerThrows) {
  std::vector<std::string> tokens;
  for (int byte = 0; byte < 256; ++byte) tokens.emplace_back(1, static_cast<char>(byte));
  MergeLearner learner(std::move(tokens), {});
  const std::vector<WordCount> words = {{"abc", 2}};
  EXPECT_THROW(learner.learn(words, 300, 1, [] { throw std::runtime_error("stop"); }), std::runtime_error);
}

}  // namespace
}  // namespace llmtrain
