#include "lib/tokenizer/added_token_matcher.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

AddedTokenMatcher matcher_of(const std::vector<std::string_view>& contents) {
  AddedTokenMatcher matcher;
  for (std::uint32_t id = 0; id < contents.size(); ++id) matcher.add(contents[id], id);
  return matcher;
}

TEST(AddedTokenMatcher, TakesTheLongestOfThoseThatStartAtOnePlace) {
  const auto matcher = matcher_of({"<|a|>", "<|a|><|b|>"});
  const auto match = matcher.find("x<|a|><|b|>", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 1U);
  EXPECT_EQ(match->end, 11U);
  EXPECT_EQ(match->id, 1U);
}

TEST(AddedTokenMatcher, TakesTheLeftmostEvenIfALongerOneOverlaps) {
  const auto match = matcher_of({"ab", "bcdef"}).find("abcdef", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->id, 0U);
}

TEST(AddedTokenMatcher, FallsBackToTheShorterWhereTheLongerBreaksOff) {
  const auto match = matcher_of({"ab", "abcd"}).find("abcx", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->end, 2U);
}

TEST(AddedTokenMatcher, FindsAfterAFalseStart) {
  const auto match = matcher_of({"<|x|>"}).find("<<|<|x|>", 0);
  ASSERT_TRUE(match);
  EXPECT_EQ(match->begin, 3U);
}

TEST(AddedTokenMatcher, FindsNothingInTextCutShort) {
  EXPECT_FALSE(matcher_of({"<|x|>"}).find("<|x|", 0));
  EXPECT_FALSE(matcher_of({}).find("<|x|>", 0));
}

}  // namespace
}  // namespace llmtrain
