#include "lib/data/prompt_file.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> texts_of(std::string_view text) {
  std::vector<std::string> texts;
  for (const auto& prompt : parse_prompts(text, "p")) texts.push_back(prompt.text);
  return texts;
}

std::string fault_of(std::string_view text) {
  return error_of(ExitCode::kInput, [&] { parse_prompts(text, "p"); });
}

TEST(ParsePrompts, TakesOneALine) {
  EXPECT_THAT(texts_of("one\ntwo words\r\n\n  three\n"), ElementsAre("one", "two words", "  three"));
  EXPECT_THAT(texts_of("\xEF\xBB\xBF지붕은"), ElementsAre("지붕은"));
}

TEST(ParsePrompts, TakesJsonLines) {
  EXPECT_THAT(texts_of(R"(
{"prompt": "one\ntwo", "id": 7}

{"prompt": ""}
)"),
              ElementsAre("one\ntwo", ""));
}

TEST(ParsePrompts, NamesThePlace) {
  EXPECT_EQ(parse_prompts("\none\n", "p.txt").front().place, "p.txt:2");
  EXPECT_THAT(fault_of("{\"prompt\": \"a\"}\n{\"promt\": \"b\"}"), HasSubstr("p:2:"));
  EXPECT_THAT(fault_of("{\"prompt\": \"a\"}\n{\"promt\": \"b\"}"), HasSubstr("expected 'prompt'"));
  EXPECT_THAT(fault_of("{\"prompt\": \"a\"}\nplain"), HasSubstr("p:2:1: "));
  EXPECT_THAT(fault_of("one\nt\xFFo"), HasSubstr("p:2:2: malformed UTF-8"));
  EXPECT_THAT(fault_of(std::string_view("on\0e", 4)), HasSubstr("p:1:3: a NUL byte"));
}

TEST(ParsePrompts, WantsOne) { EXPECT_THAT(fault_of(" \n\r\n"), HasSubstr("p: no prompt")); }

TEST(WholePrompt, KeepsEveryByte) {
  EXPECT_EQ(whole_prompt("{\n a\r\n\n", "p").text, "{\n a\r\n\n");
  EXPECT_EQ(whole_prompt("", "p").text, "");
  EXPECT_THAT(error_of(ExitCode::kInput, [] { whole_prompt("a\nb\xC3", "p"); }), HasSubstr("p:2:2: malformed UTF-8"));
}

}  // namespace
}  // namespace llmtrain
