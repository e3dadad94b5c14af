#include "lib/tokenizer/tokenizer_trainer.h"

#include <atomic>
#include <csignal>

#include <gmock/gmock.h>

#include "lib/base/signals.h"
#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/word_counter.h"
#include "tests/support/test_support.h"
#include "tests/tokenizer/seeded_text.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

std::string fault_of(ExitCode code, const TokenizerTrainConfig& config, std::vector<std::string> documents = {"text"}) {
  return error_of(code, [&] { train_tokenizer(config, documents_of(std::move(documents))); });
}

TEST(TokenizerTrainer, CountsWhatItReads) {
  TokenizerTrainConfig config;
  config.vocab_size = 300;
  const auto trained = train_tokenizer(config, documents_of({"ab ab", "", "cd ab\n"}));
  EXPECT_EQ(trained.documents, 3U);
  EXPECT_EQ(trained.bytes, 11U);
  EXPECT_EQ(trained.words, 5U);           // "ab", " ab", "cd", " ab", "\n"
  EXPECT_EQ(trained.distinct_words, 4U);  // " ab" twice
}

TEST(TokenizerTrainer, StopsWherePairsAreTooRare) {
  TokenizerTrainConfig config;
  config.special_tokens = {};
  config.min_frequency = 3;
  const auto trained = train_tokenizer(config, documents_of({"ab ab ab ab xyz"}));
  ASSERT_EQ(trained.spec.tokens.size(), 258U);  // "ab" 4 times, " ab" 3 times, nothing else 3 times
  EXPECT_EQ(trained.spec.tokens[256].bytes, "ab");
  EXPECT_EQ(trained.spec.tokens[257].bytes, " ab");
}

TEST(TokenizerTrainer, PutsSpecialTokensFirstAndNeverMakesThem) {
  TokenizerTrainConfig config;
  config.special_tokens = {"padpad", "Ġpad"};  // the second is how a file writes " pad"
  config.min_frequency = 1;
  const auto trained = train_tokenizer(config, documents_of({"padpad pad pad padpad"}));
  EXPECT_EQ(trained.spec.tokens[0].bytes, "padpad");
  std::size_t made = 0;
  for (std::size_t id = 2; id < trained.spec.tokens.size(); ++id) {
    EXPECT_NE(trained.spec.tokens[id].bytes, "padpad");
    EXPECT_NE(trained.spec.tokens[id].bytes, " pad");
    made += trained.spec.tokens[id].bytes == "pad";
  }
  EXPECT_EQ(made, 1U);
  const Tokenizer tokenizer(trained.spec);
  EXPECT_EQ(Tokenizer::parse(tokenizer.to_json(), "again").hash(), tokenizer.hash());
}

TEST(TokenizerTrainer, NormalizesForQwen2) {
  TokenizerTrainConfig config;
  config.pattern = PretokenizerPattern::kQwen2;
  config.vocab_size = 258;
  const auto trained = train_tokenizer(config, documents_of({"e\u0301 e\u0301 é"}));
  EXPECT_TRUE(trained.spec.nfc);
  EXPECT_EQ(trained.spec.tokens[257].bytes, "é");
}

TEST(TokenizerTrainer, NamesSettingsThatCannotBe) {
  TokenizerTrainConfig config;
  config.vocab_size = 256;
  EXPECT_THAT(fault_of(ExitCode::kUsage, config), HasSubstr("vocab_size: 256 is too small, expected at least 257"));
  config = {};
  config.special_tokens = {"<s>", "<s>"};
  EXPECT_THAT(fault_of(ExitCode::kUsage, config), HasSubstr("special_tokens: '<s>' stands twice"));
  config.special_tokens = {"é"};
  EXPECT_THAT(fault_of(ExitCode::kUsage, config), HasSubstr("special_tokens: 'é' is too short"));
}

TEST(TokenizerTrainer, RefusesToLearnFromNothing) {
  TokenizerTrainConfig config;
  EXPECT_THAT(fault_of(ExitCode::kInput, config, {"", ""}), HasSubstr("no text to learn a tokenizer from"));
  config.kind = TokenizerKind::kChar;
  EXPECT_THAT(fault_of(ExitCode::kInput, config, {}), HasSubstr("no text to learn a tokenizer from"));
}

TEST(TokenizerTrainer, LearnsCharactersInOrderWithSpecialTokensBehind) {
  TokenizerTrainConfig config;
  config.kind = TokenizerKind::kChar;
  config.special_tokens = {"<|endoftext|>", "<unk>"};
  const auto trained = train_tokenizer(config, documents_of({"b한a", "😀é\n"}));
  std::vector<std::string> tokens;
  for (const auto& token : trained.spec.tokens) tokens.push_back(token.bytes);
  EXPECT_EQ(tokens, (std::vector<std::string>{"\n", "a", "b", "é", "한", "😀", "<|endoftext|>", "<unk>"}));
  EXPECT_EQ(trained.spec.unknown, 7U);
  EXPECT_EQ(Tokenizer(trained.spec).end_of_document(), 6U);
}

TEST(TokenizerTrainer, NamesTheDocumentOfMalformedCharacters) {
  TokenizerTrainConfig config;
  config.kind = TokenizerKind::kChar;
  EXPECT_THAT(fault_of(ExitCode::kInput, config, {"fine", "not\xff"}), HasSubstr("byte 3: malformed UTF-8"));
}

TEST(TokenizerTrainer, StopsWhenAsked) {
  install_signal_handlers();
  std::raise(SIGTERM);
  TokenizerTrainConfig config;
  const auto message = fault_of(ExitCode::kRequeue, config);
  reset_signal_flags();
  EXPECT_THAT(message, HasSubstr("reading text for the tokenizer"));
}

TEST(TokenizerTrainer, EndsWithTheErrorOfItsText) {
  TokenizerTrainConfig config;
  std::atomic<int> calls = 0;
  const auto next = [&](std::string& document) -> bool {
    if (++calls == 100) throw input_error("line 100 is bad");
    document.assign(50'000, 'a');
    return true;
  };
  EXPECT_EQ(error_of(ExitCode::kInput, [&] { train_tokenizer(config, next, {.threads = 4}); }), "line 100 is bad");
  EXPECT_EQ(calls, 100);
}

TEST(WordCounter, AddsUpOverCountersAndGrows) {
  std::vector<WordCounter> counters(3);
  for (int i = 0; i < 60'000; ++i) counters[static_cast<std::size_t>(i % 3)].add(std::to_string(i % 10'000));
  const WordCounter merged = merge_counters(counters, 2);
  EXPECT_EQ(merged.distinct(), 10'000U);
  std::uint64_t sum = 0;
  for (const auto& [word, count] : merged.counts()) {
    EXPECT_EQ(count, 6U) << word;
    EXPECT_LT(std::stoi(std::string(word)), 10'000);
    sum += count;
  }
  EXPECT_EQ(sum, 60'000U);
}

}  // namespace
}  // namespace llmtrain
