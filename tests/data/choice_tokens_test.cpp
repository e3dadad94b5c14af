#include "lib/data/choice_tokens.h"

#include <gmock/gmock.h>

#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;

// Bytes, and two merges: "a" "b" is one token, and so is " " "b".
Tokenizer merging_tokenizer() {
  TokenizerSpec spec = byte_tokenizer().spec();
  const auto id = [](char c) { return static_cast<std::uint32_t>(static_cast<unsigned char>(c)) + 1; };
  spec.tokens.push_back({.bytes = "ab"});
  spec.tokens.push_back({.bytes = " b"});
  spec.merges = {{.left = id('a'), .right = id('b'), .merged = 257},
                 {.left = id(' '), .right = id('b'), .merged = 258}};
  return Tokenizer(std::move(spec));
}

constexpr std::int32_t of(char c) { return static_cast<std::int32_t>(c) + 1; }

TEST(ContinuationRun, AsksForWhatStandsBehindThePrompt) {
  const auto tokenizer = merging_tokenizer();
  const auto run = continuation_run(tokenizer, "xa", " bc", std::nullopt);
  EXPECT_THAT(run->ids, ElementsAre(of('x'), of('a'), 258, of('c')));
  EXPECT_EQ(run->first, 2U);
}

// What lm-evaluation-harness 0.4 gives: context_enc "x", whole_enc "x" " b" "c".
TEST(ContinuationRun, CountsSpaceAtThePromptsEndToTheContinuation) {
  const auto tokenizer = merging_tokenizer();
  const auto run = continuation_run(tokenizer, "x ", "bc", std::nullopt);
  EXPECT_THAT(run->ids, ElementsAre(of('x'), 258, of('c')));
  EXPECT_EQ(run->first, 1U);
}

// context_enc has two tokens, "x" "a"; whole_enc is "x" "ab" "c": the first token over the seam is the context's.
TEST(ContinuationRun, CutsByTheNumberOfThePromptsTokensWhereATokenCrossesTheSeam) {
  const auto tokenizer = merging_tokenizer();
  const auto run = continuation_run(tokenizer, "xa", "bc", std::nullopt);
  EXPECT_THAT(run->ids, ElementsAre(of('x'), 257, of('c')));
  EXPECT_EQ(run->first, 2U);
  EXPECT_FALSE(continuation_run(tokenizer, "xa", "b", std::nullopt)) << "nothing is left of the continuation";
}

TEST(ContinuationRun, BeginsWithATokenOfItsOwnWithoutAPrompt) {
  const auto tokenizer = merging_tokenizer();
  const auto run = continuation_run(tokenizer, "", "c", 0);
  EXPECT_THAT(run->ids, ElementsAre(0, of('c')));
  EXPECT_EQ(run->first, 1U);
  const auto spaces = continuation_run(tokenizer, " ", "c", 0);
  EXPECT_THAT(spaces->ids, ElementsAre(0, of(' '), of('c')));
  EXPECT_EQ(spaces->first, 1U);
  EXPECT_FALSE(continuation_run(tokenizer, "", "c", std::nullopt));
  EXPECT_FALSE(continuation_run(tokenizer, "", "", 0));
}

TEST(ContinuationRun, KnowsSpecialTokens) {
  const auto run = continuation_run(byte_tokenizer(), "<|endoftext|>x", "y", std::nullopt);
  EXPECT_THAT(run->ids, ElementsAre(0, of('x'), of('y')));
}

TEST(Shorten, LeavesOutTheBeginningOfThePrompt) {
  TokenRun run{.ids = {1, 2, 3, 4, 5, 6}, .first = 4};
  EXPECT_EQ(shorten(run, 5), 0U);
  EXPECT_EQ(run.ids.size(), 6U);
  EXPECT_EQ(shorten(run, 3), 2U);
  EXPECT_THAT(run.ids, ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(run.first, 2U);
  // Both ids that are asked for, and one before them.
  EXPECT_EQ(shorten(run, 2), 1U);
  EXPECT_EQ(run.first, 1U);
  EXPECT_EQ(shorten(run, 1), std::nullopt);
  EXPECT_THAT(run.ids, ElementsAre(4, 5, 6));
}

}  // namespace
}  // namespace llmtrain
