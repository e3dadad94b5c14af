#include "lib/tokenizer/bpe.h"

#include <functional>
#include <map>
#include <numeric>

#include <gtest/gtest.h>
#include <pthread.h>

#include "lib/base/random.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

// Bytes are their own ids.
std::array<std::uint32_t, 256> plain_bytes() {
  std::array<std::uint32_t, 256> ids;
  std::iota(ids.begin(), ids.end(), 0U);
  return ids;
}

Ids encode(const std::vector<MergeRule>& rules, std::string_view word) {
  const Bpe bpe(plain_bytes(), rules);
  BpeScratch scratch;
  Ids ids;
  bpe.encode(word, ids, scratch);
  return ids;
}

// The definition, word for word, in quadratic time.
Ids encode_by_definition(const std::vector<MergeRule>& rules, std::string_view word) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> rank;
  for (std::size_t i = 0; i < rules.size(); ++i) rank[{rules[i].left, rules[i].right}] = i;
  Ids ids;
  for (const char c : word) ids.push_back(static_cast<unsigned char>(c));
  while (true) {
    std::size_t best = rules.size();
    std::size_t at = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto found = rank.find({ids[i], ids[i + 1]});
      if (found != rank.end() && found->second < best) {
        best = found->second;
        at = i;
      }
    }
    if (best == rules.size()) return ids;
    ids[at] = rules[best].merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, AppliesTheRuleThatStandsFirstNotTheOneThatMatchesFirst) {
  const std::vector<MergeRule> rules = {{'b', 'c', 256}, {'a', 'b', 257}};
  EXPECT_EQ(encode(rules, "abc"), (Ids{'a', 256}));
  EXPECT_EQ(encode(rules, "abab"), (Ids{257, 257}));
}

TEST(Bpe, MergesTheLeftmostOfEqualPairs) {
  const std::vector<MergeRule> rules = {{'a', 'a', 256}};
  EXPECT_EQ(encode(rules, "aaa"), (Ids{256, 'a'}));
  EXPECT_EQ(encode(rules, std::string(101, 'a')), [] {
    Ids expected(50, 256);
    expected.push_back('a');
    return expected;
  }());
}

TEST(Bpe, TakesTheLaterOfTwoRulesForOnePair) {
  const std::vector<MergeRule> rules = {{'a', 'b', 256}, {'b', 'c', 257}, {'a', 'b', 258}};
  EXPECT_EQ(encode(rules, "abc"), (Ids{'a', 257}));
  EXPECT_EQ(encode(rules, "ab"), (Ids{258}));
}

TEST(Bpe, EncodesNothingAsNothing) { EXPECT_EQ(encode({{'a', 'a', 256}}, ""), Ids{}); }

// Random rules over three letters, so that they overlap in every way; words on both sides of where the method changes.
TEST(Bpe, EqualsTheDefinitionOnRandomRulesAndWords) {
  RandomStream random(3, "bpe_test");
  for (int round = 0; round < 300; ++round) {
    std::vector<MergeRule> rules;
    std::uint32_t next = 256;
    const auto symbol = [&] {
      const auto draw = static_cast<std::uint32_t>(random.below(3 + next - 256));
      return draw < 3 ? 'a' + draw : 256 + draw - 3;
    };
    for (std::uint64_t i = random.below(20); i > 0; --i) {
      const MergeRule rule = {symbol(), symbol(), next};
      rules.push_back(rule);
      ++next;
    }
    std::string word;
    for (std::uint64_t i = random.below(200); i > 0; --i) word += static_cast<char>('a' + random.below(3));
    EXPECT_EQ(encode(rules, word), encode_by_definition(rules, word)) << word;
  }
}

// Runs on a thread with the smallest stack that the system allows for: no recursion, no large frames.
void run_on_small_stack(const std::function<void()>& work) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, std::size_t{64} << 10), 0);
  pthread_t thread;
  const auto start = [](void* argument) -> void* {
    (*static_cast<const std::function<void()>*>(argument))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, start, const_cast<std::function<void()>*>(&work)), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
}

TEST(Bpe, EncodesAMillionEqualBytesOnASmallStack) {
  std::vector<MergeRule> rules = {{'a', 'a', 256}};
  for (std::uint32_t id = 256; id < 266; ++id) rules.push_back({id, id, id + 1});  // 2^11 bytes at most
  Ids ids;
  run_on_small_stack([&] { ids = encode(rules, std::string(1'000'000, 'a')); });
  // 1,000,000 = 488 * 2048 + 576, and 576 = 512 + 64.
  Ids expected(488, 266);
  expected.push_back(264);
  expected.push_back(261);
  EXPECT_EQ(ids, expected);
}

}  // namespace
}  // namespace llmtrain
