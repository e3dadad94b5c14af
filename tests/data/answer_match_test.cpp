#include "lib/data/answer_match.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

ExactMatchTask with_pattern(const std::string& pattern) {
  ExactMatchTask task;
  task.pattern = pattern;
  return task;
}

TEST(AnswerMatch, ComparesWholeTextsWithoutSpaceAtTheirEnds) {
  const AnswerMatch match({});
  EXPECT_EQ(match.taken(" 12 apples\n"), "12 apples");
  EXPECT_EQ(match.wanted("12 apples "), "12 apples");
  EXPECT_TRUE(match.equal("12 apples", "12 apples"));
  EXPECT_FALSE(match.equal("12 Apples", "12 apples"));
  EXPECT_EQ(match.taken("  "), "");
}

TEST(AnswerMatch, TakesTheFirstOrTheLastMatch) {
  auto task = with_pattern("\\d+");
  EXPECT_EQ(AnswerMatch(task).taken("3 and 4 make 7."), "3");
  task.take = TakenMatch::kLast;
  EXPECT_EQ(AnswerMatch(task).taken("3 and 4 make 7."), "7");
  EXPECT_EQ(AnswerMatch(task).taken("three"), std::nullopt);
}

// gsm8k's answers: a worked solution, then "#### 1,234".
TEST(AnswerMatch, TakesAGroupAndRemovesCommas) {
  auto task = with_pattern("#### (-?[0-9.,]+)");
  task.remove = {",", "$"};
  const AnswerMatch match(task);
  EXPECT_EQ(match.taken("He has 1,200 + 34 = <<1200+34=1234>>1,234\n#### 1,234"), "1234");
  EXPECT_EQ(match.wanted("#### 1234"), "1234");
  EXPECT_EQ(match.wanted("$1,234"), "1234");  // the bare answer
  EXPECT_EQ(match.taken("1,234"), std::nullopt);
}

TEST(AnswerMatch, TakesTheFirstGroupThatIsNotEmpty) {
  EXPECT_EQ(AnswerMatch(with_pattern("answer is (\\d+)|(\\d+) is the answer")).taken("5 is the answer"), "5");
}

TEST(AnswerMatch, IgnoresCaseInPatternAndComparison) {
  auto task = with_pattern("answer: (\\w+)");
  task.ignore_case = true;
  const AnswerMatch match(task);
  EXPECT_EQ(match.taken("ANSWER: Élan"), "Élan");
  EXPECT_TRUE(match.equal("Élan", "élAN"));
  EXPECT_FALSE(match.equal("Élan", "elan"));
  EXPECT_FALSE(match.equal("Élans", "élan"));
}

}  // namespace
}  // namespace llmtrain
