#include "lib/tokenizer/word_cache.h"

#include <string>

#include <gtest/gtest.h>

#include "lib/tokenizer/word_hash.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

Ids found(const WordCache& cache, std::string_view word, std::uint64_t hash) {
  const auto ids = cache.find(word, hash);
  return {ids.begin(), ids.end()};
}

Ids some_ids(std::size_t count, std::uint32_t first) {
  Ids ids;
  for (std::size_t i = 0; i < count; ++i) ids.push_back(first + static_cast<std::uint32_t>(i));
  return ids;
}

TEST(WordCache, KnowsNothingAtFirst) {
  const WordCache cache;
  EXPECT_TRUE(cache.find("a", hash_word("a")).empty());
  EXPECT_TRUE(cache.find("", hash_word("")).empty());
}

TEST(WordCache, GivesBackShortAndLongWords) {
  WordCache cache;
  for (const std::size_t length : {1U, 7U, 40U, 200U, 255U}) {
    const std::string word(length, 'x');
    const Ids ids = some_ids(length, 7);
    cache.store(word, hash_word(word), ids);
    EXPECT_EQ(found(cache, word, hash_word(word)), ids) << length;
  }
}

TEST(WordCache, LeavesOutWordsThatAreTooLong) {
  WordCache cache;
  const std::string word(256, 'x');
  cache.store(word, hash_word(word), some_ids(2, 0));
  EXPECT_TRUE(cache.find(word, hash_word(word)).empty());
}

TEST(WordCache, TellsWordsOfEqualHashApart) {
  WordCache cache;
  const std::uint64_t hash = 42;
  cache.store("one", hash, some_ids(1, 1));
  EXPECT_TRUE(cache.find("two", hash).empty());
  cache.store("two", hash, some_ids(1, 2));
  EXPECT_EQ(found(cache, "one", hash), Ids{1});
  EXPECT_EQ(found(cache, "two", hash), Ids{2});
  cache.store("six", hash, some_ids(1, 6));
  EXPECT_TRUE(cache.find("one", hash).empty());  // the oldest left
  EXPECT_EQ(found(cache, "six", hash), Ids{6});
}

// More long words than there is room for: what it still knows is right.
TEST(WordCache, NeverGivesIdsOfAnotherWord) {
  WordCache cache;
  for (std::uint32_t i = 0; i < 40000; ++i) {
    const std::string word = std::string(60, 'x') + std::to_string(i);
    cache.store(word, hash_word(word), some_ids(40, i));
  }
  std::size_t known = 0;
  for (std::uint32_t i = 0; i < 40000; ++i) {
    const std::string word = std::string(60, 'x') + std::to_string(i);
    const auto ids = found(cache, word, hash_word(word));
    if (ids.empty()) continue;
    ++known;
    EXPECT_EQ(ids, some_ids(40, i));
  }
  EXPECT_GT(known, 1000U);
}

}  // namespace
}  // namespace llmtrain
