#include "lib/config/eval_config.h"

#include <gmock/gmock.h>

#include "lib/config/pipeline.h"
#include "tests/support/test_support.h"

// What the keys of an evaluation say of each other.
namespace llmtrain {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Pipeline load(const std::vector<std::string>& overrides) {
  const TempDir folder;
  return load_pipeline(folder.write("p.yaml", "run: {name: r}\n"), overrides);
}

std::string fault_of(const std::vector<std::string>& overrides) {
  return error_of(ExitCode::kUsage, [&] { load(overrides); });
}

TEST(EvalConfig, IsEmptyWhereThePipelineHasNone) { EXPECT_FALSE(load({}).config.eval); }

TEST(EvalConfig, HasAListOfTasksOfEachKind) {
  const auto eval = *load({"eval={perplexity: [{path: a.txt}], multiple_choice: [{path: b.jsonl, separator: ''}], "
                           "exact_match: [{name: sums, path: c.jsonl, pattern: '\\d+', take: last}]}"})
                         .config.eval;
  EXPECT_TRUE(eval.held_out);
  EXPECT_EQ(eval.perplexity.at(0).path, "a.txt");
  EXPECT_EQ(eval.multiple_choice.at(0).separator, "");
  EXPECT_EQ(eval.multiple_choice.at(0).prompt_field, "prompt");
  EXPECT_EQ(eval.exact_match.at(0).name, "sums");
  EXPECT_EQ(eval.exact_match.at(0).take, TakenMatch::kLast);
  EXPECT_THAT(load({"eval={}"}).config.eval->perplexity, IsEmpty());
}

TEST(EvalConfig, RefusesAKeyThatAnotherKindReads) {
  EXPECT_THAT(fault_of({"eval.multiple_choice=[{path: a, pattern: x}]"}),
              HasSubstr("unknown key 'eval.multiple_choice[0].pattern'"));
  EXPECT_THAT(fault_of({"eval.exact_match=[{path: a, stride: 4}]"}), HasSubstr("'eval.exact_match[0].stride'"));
  EXPECT_THAT(fault_of({"eval.perplexity=[{path: a, prompt_field: p}]"}),
              HasSubstr("'eval.perplexity[0].prompt_field'"));
}

TEST(EvalConfig, NeedsAPath) {
  for (const char* kind : {"perplexity", "multiple_choice", "exact_match"}) {
    EXPECT_THAT(fault_of({fmt::format("eval.{}=[{{}}]", kind)}),
                HasSubstr(fmt::format("missing key 'eval.{}[0].path'", kind)));
  }
}

TEST(EvalConfig, RefusesAPatternThatDoesNotCompile) {
  EXPECT_THAT(
      fault_of({"eval.exact_match=[{path: a, pattern: '(\\d+'}]"}),
      HasSubstr("'eval.exact_match[0].pattern': not a regular expression: byte 4: missing closing parenthesis"));
}

TEST(EvalConfig, TakesAMatchOnlyOfAPattern) {
  EXPECT_THAT(fault_of({"eval.exact_match=[{path: a, take: last}]"}),
              HasSubstr("'eval.exact_match[0].take': there is no 'pattern'"));
  EXPECT_NO_THROW(load({"eval.exact_match=[{path: a, take: first}]"}));  // as `config show` prints it
}

TEST(EvalConfig, RefusesEmptyTextsToStopAtOrRemove) {
  EXPECT_THAT(fault_of({"eval.exact_match=[{path: a, stop: ['']}]"}), HasSubstr("'eval.exact_match[0].stop'"));
  EXPECT_THAT(fault_of({"eval.exact_match=[{path: a, remove: [',', '']}]"}), HasSubstr("'eval.exact_match[0].remove'"));
}

TEST(EvalConfig, RefusesAStrideThatLeavesTokensOut) {
  EXPECT_NO_THROW(load({"eval.perplexity=[{path: a, context: 64, stride: 64}]"}));
  EXPECT_THAT(fault_of({"eval.perplexity=[{path: a, context: 64, stride: 65}]"}),
              HasSubstr("'eval.perplexity[0].stride': longer than the window: got 65 of 64 tokens"));
}

TEST(EvalConfig, RefusesOneKeyForTwoFields) {
  EXPECT_THAT(fault_of({"eval.multiple_choice=[{path: a, answer_field: choices}]"}),
              HasSubstr("'eval.multiple_choice[0].answer_field': the same key as choices_field: 'choices'"));
  EXPECT_THAT(fault_of({"eval.exact_match=[{path: a, answer_field: prompt}]"}),
              HasSubstr("the same key as prompt_field"));
}

TEST(EvalConfig, RefusesKeysOfTextAndOfJsonLinesTogether) {
  EXPECT_THAT(fault_of({"eval.perplexity=[{path: a, field: text, document_separator: x}]"}),
              HasSubstr("'field' is for JSON lines and 'document_separator' for text"));
}

}  // namespace
}  // namespace llmtrain
