#include "lib/base/pattern.h"

#include <gmock/gmock.h>
#include <pthread.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// What Python's re.findall gives of the text is what follows one another from the beginning.
TEST(Pattern, FindsTheFirstAndTheLastMatch) {
  const Pattern number("\\d+");
  EXPECT_EQ(number.find("a 12 b 345 c")->begin, 2U);
  EXPECT_EQ(number.find("a 12 b 345 c")->end, 4U);
  EXPECT_EQ(number.find_last("a 12 b 345 c")->begin, 7U);
  EXPECT_EQ(number.find_last("a 12 b 345 c")->end, 10U);
  EXPECT_FALSE(number.find("none"));
  EXPECT_FALSE(number.find_last(""));
  // re.findall("aa", "aaaaa") ends with the second pair.
  EXPECT_EQ(Pattern("aa").find_last("aaaaa")->begin, 2U);
}

TEST(Pattern, FindsEmptyMatchesOfWholeCharacters) {
  // re.findall("x*", "ab") gives three, the last at the end.
  EXPECT_EQ(Pattern("x*").find_last("ab")->begin, 2U);
  EXPECT_EQ(Pattern("x*").find_last("é")->begin, 2U);
  EXPECT_EQ(Pattern("(?=é)").find_last("éé")->begin, 2U);
  EXPECT_EQ(Pattern("(?!$)").find_last("aé")->begin, 1U);
}

TEST(Pattern, GivesItsGroups) {
  const auto match = Pattern("(a)|(b)(c)?").find("xb");
  EXPECT_THAT(match->groups, ElementsAre("", "b", ""));
  EXPECT_THAT(Pattern("#### (-?[0-9.,]+)").find("so\n#### -1,234.5")->groups, ElementsAre("-1,234.5"));
}

TEST(Pattern, KnowsUnicode) {
  EXPECT_EQ(Pattern("\\w+").find("...햇살마을 ")->end, 3U + 12U);
  EXPECT_TRUE(Pattern("É", {.ignore_case = true, .literal = false}).matches("é"));
  EXPECT_FALSE(Pattern("É").matches("é"));
}

TEST(Pattern, TakesALiteralAsItStands) {
  EXPECT_TRUE(Pattern("a.(b", {.ignore_case = true, .literal = true}).matches("A.(B"));
  EXPECT_FALSE(Pattern("a.b", {.ignore_case = false, .literal = true}).matches("axb"));
  EXPECT_FALSE(Pattern("a", {.ignore_case = false, .literal = true}).matches("ab"));
  EXPECT_TRUE(Pattern("", {.ignore_case = true, .literal = true}).matches(""));
}

TEST(Pattern, PassesOverMalformedUtf8) {
  EXPECT_EQ(Pattern("\\d+").find("\xff\xc3 7")->begin, 3U);
  EXPECT_FALSE(
      Pattern("a.b").find("a\xff"
                          "b"));
}

TEST(Pattern, RefusesWhatIsNoPattern) {
  EXPECT_THAT(error_of(ExitCode::kUsage, [] { Pattern("a("); }), StartsWith("pattern 'a(': byte 2: missing closing"));
  EXPECT_THAT(*pattern_fault("[z-a]"), StartsWith("byte 3: range out of order"));
  EXPECT_THAT(*pattern_fault("\xff"), HasSubstr("UTF-8"));
  EXPECT_FALSE(pattern_fault("[a-z]"));
  EXPECT_TRUE(pattern_fault(std::string(100'000, 'a')));
}

// FAULTS: foreign patterns under limits, a named error past them.
TEST(Pattern, GivesUpOnASearchThatGrowsWithoutBound) {
  const Pattern pattern("(a+)+$");
  std::string text(40, 'a');
  text += 'b';
  EXPECT_THAT(error_of(ExitCode::kUsage, [&] { pattern.find(text); }),
              HasSubstr("pattern '(a+)+$': match limit exceeded in a text of 41 B"));
}

// The stack does not grow with the text.
TEST(Pattern, SearchesLongTextsOnASmallStack) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread{};
  const auto work = [](void*) -> void* {
    const std::string text(1'000'000, 'a');
    EXPECT_EQ(Pattern("(?:a|b)*?c|a++").find(text.substr(0, 300))->end, 300U);
    EXPECT_EQ(Pattern("[ab]+").find(text)->end, text.size());
    return nullptr;
  };
  ASSERT_EQ(::pthread_create(&thread, &attributes, work, nullptr), 0);
  ::pthread_join(thread, nullptr);
  ::pthread_attr_destroy(&attributes);
}

}  // namespace
}  // namespace llmtrain
