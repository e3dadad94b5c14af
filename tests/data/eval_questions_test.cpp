#include "lib/data/eval_questions.h"

#include <gmock/gmock.h>

#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

const std::string kGood = R"({"prompt": "2 + 3 =", "choices": ["5", "6"], "answer": 0})"
                          "\n";

MultipleChoiceTask choices_in(const std::filesystem::path& path) {
  MultipleChoiceTask task;
  task.path = path.string();
  return task;
}

ExactMatchTask matches_in(const std::filesystem::path& path) {
  ExactMatchTask task;
  task.path = path.string();
  return task;
}

TEST(ChoiceQuestions, AreReadInOrderWithTheirPlaces) {
  const TempDir folder;
  const auto path = folder.write("q.jsonl", "\xef\xbb\xbf" + kGood +
                                                "\r\n"
                                                R"({"answer":2,"kind":["x"],"choices":["a","b","c"],"prompt":"é"})");
  const auto questions = read_choice_questions(choices_in(path));
  ASSERT_THAT(questions, SizeIs(2));
  EXPECT_EQ(questions[0].place, path.string() + ":1");
  EXPECT_EQ(questions[0].prompt, "2 + 3 =");
  EXPECT_THAT(questions[0].choices, ElementsAre("5", "6"));
  EXPECT_EQ(questions[0].answer, 0U);
  EXPECT_EQ(questions[1].place, path.string() + ":3");
  EXPECT_EQ(questions[1].prompt, "é");
  EXPECT_EQ(questions[1].answer, 2U);
}

TEST(ChoiceQuestions, MayHaveOtherKeysAndBeCompressed) {
  const TempDir folder;
  auto task = choices_in(folder.write("q.jsonl.gz", gzip_bytes(R"({"q": "x", "c": ["y", "z"], "gold": 1})")));
  task.prompt_field = "q";
  task.choices_field = "c";
  task.answer_field = "gold";
  const auto questions = read_choice_questions(task);
  ASSERT_THAT(questions, SizeIs(1));
  EXPECT_EQ(questions[0].choices.at(questions[0].answer), "z");
}

// The second line is at fault.
std::string fault_of_line(const std::string& line) {
  const TempDir folder;
  const auto path = folder.write("q.jsonl", kGood + line + "\n");
  auto message = error_of(ExitCode::kInput, [&] { read_choice_questions(choices_in(path)); });
  const std::string place = path.string() + ":2: ";
  EXPECT_THAT(message, StartsWith(place));
  return message.substr(std::min(place.size(), message.size()));
}

TEST(ChoiceQuestions, NameLineKeyAndTextOfWhatIsWrong) {
  EXPECT_EQ(fault_of_line(R"({"prompt": "x", "choices": ["a", "b"]})"),
            R"(has no 'answer', in {"prompt": "x", "choices": ["a", "b"]})");
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "answer": 0})"), StartsWith("has no 'choices', in {"));
  EXPECT_THAT(fault_of_line(R"({"choices": ["a", "b"], "answer": 0})"), StartsWith("has no 'prompt', in {"));
  EXPECT_THAT(fault_of_line(R"({"prompt": 3, "choices": ["a", "b"], "answer": 0})"), StartsWith("prompt: expected "));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a", "b"], "answer": 2})"),
              StartsWith("answer: expected the index of one of 2 choices, from 0 to 1, got 2, in {"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a", "b"], "answer": -1})"), HasSubstr("got -1, in"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a", "b"], "answer": 1.0})"), HasSubstr("got 1.0, in"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a", "b"], "answer": "1"})"), HasSubstr("got string, in"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": [], "answer": 0})"),
              StartsWith("choices: expected two choices or more, got 0"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a"], "answer": 0})"), HasSubstr("got 1, in"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": ["a", ""], "answer": 0})"),
              StartsWith("choices[1]: empty choice"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "choices": "ab", "answer": 0})"),
              StartsWith("choices: expected an array"));
  EXPECT_THAT(fault_of_line(R"(["x"])"), StartsWith("expected an object"));
  EXPECT_THAT(fault_of_line(R"({"prompt": )"), StartsWith("byte 12: malformed JSON"));
  EXPECT_THAT(fault_of_line(R"({"prompt": "x", "prompt": "y"})"), HasSubstr("stands twice"));
  EXPECT_THAT(fault_of_line("{\"prompt\": \"\xff\"}"), StartsWith("byte 13: malformed UTF-8 (byte 0xff)"));
}

TEST(ChoiceQuestions, NeedAFileWithALine) {
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_choice_questions(choices_in(folder / "none.jsonl")); }),
              HasSubstr("none.jsonl"));
  const auto blank = folder.write("blank.jsonl", "\n \n");
  EXPECT_EQ(error_of(ExitCode::kInput, [&] { read_choice_questions(choices_in(blank)); }),
            blank.string() + ": no question, expected at least one line");
}

TEST(MatchQuestions, HaveATextOrANumberForAnswer) {
  const TempDir folder;
  const auto path = folder.write("q.jsonl",
                                 "{\"prompt\": \"x\", \"answer\": \" 12 \"}\n{\"prompt\": \"y\", \"answer\": -3}\n"
                                 "{\"prompt\": \"\", \"answer\": 2.5}\n");
  const auto questions = read_match_questions(matches_in(path));
  ASSERT_THAT(questions, SizeIs(3));
  EXPECT_EQ(questions[0].answer, " 12 ");
  EXPECT_EQ(questions[1].answer, "-3");
  EXPECT_EQ(questions[2].answer, "2.5");
  EXPECT_EQ(questions[2].place, path.string() + ":3");
}

TEST(MatchQuestions, RefuseOtherAnswers) {
  const TempDir folder;
  for (const char* answer : {"null", "[\"a\"]", "true", "\"  \""}) {
    const auto path = folder.write("q.jsonl", fmt::format("{{\"prompt\": \"x\", \"answer\": {}}}\n", answer));
    EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_match_questions(matches_in(path)); }),
                StartsWith(path.string() + ":1: answer: "));
  }
}

}  // namespace
}  // namespace llmtrain
