#include "lib/tokenizer/tokenizer.h"

#include "lib/base/digest.h"
#include "lib/base/random.h"
#include "lib/tokenizer/encode_batch.h"
#include "lib/tokenizer/tokenizer_spec.h"
#include "lib/tokenizer/tokenizer_trainer.h"
#include "tests/support/test_support.h"
#include "tests/tokenizer/seeded_text.h"

namespace llmtrain {
namespace {

using Ids = std::vector<std::uint32_t>;

Tokenizer trained(PretokenizerPattern pattern, std::int64_t vocab_size = 600) {
  TokenizerTrainConfig config;
  config.vocab_size = vocab_size;
  config.pattern = pattern;
  config.special_tokens = {"<|endoftext|>", "<|pad|>"};
  return Tokenizer(train_tokenizer(config, documents_of(seeded_documents(1, 200))).spec);
}

std::string random_bytes(RandomStream& random, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(random.below(256));
  return bytes;
}

TEST(Tokenizer, GivesBackRandomBytesOfEveryLength) {
  RandomStream random(1, "tokenizer_test");
  for (const auto pattern : {PretokenizerPattern::kGpt2, PretokenizerPattern::kLlama3}) {
    const Tokenizer tokenizer = trained(pattern);
    for (std::size_t size = 0; size < 300; ++size) {
      const auto bytes = random_bytes(random, size);
      ASSERT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
    }
    const auto bytes = random_bytes(random, 300'000);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(bytes)), bytes);
  }
}

TEST(Tokenizer, GivesBackTextLongerThanAPiece) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kLlama3);
  std::string text;
  for (const auto& document : seeded_documents(3, 300)) text += document;
  ASSERT_GT(text.size(), 200'000U);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
}

TEST(Tokenizer, TakesSpecialTokensInDocumentsForText) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kLlama3);
  const auto ids = tokenizer.encode("a<|endoftext|>b");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0U), 0);
  EXPECT_EQ(tokenizer.decode(ids), "a<|endoftext|>b");
}

TEST(Tokenizer, FindsSpecialTokensWhereTheyAreAskedFor) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kLlama3);
  const auto a = *tokenizer.find_token("a");
  const auto b = *tokenizer.find_token("b");
  EXPECT_EQ(tokenizer.encode("a<|endoftext|><|pad|>b", SpecialText::kAsToken), (Ids{a, 0, 1, b}));
  EXPECT_EQ(tokenizer.decode(Ids{a, 0, 1, b}), "a<|endoftext|><|pad|>b");
}

TEST(Tokenizer, EndsDocumentsWithTheFirstSpecialToken) {
  EXPECT_EQ(trained(PretokenizerPattern::kGpt2).end_of_document(), 0U);
}

TEST(Tokenizer, ReadsWhatItWrote) {
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    const Tokenizer tokenizer = trained(pattern);
    const Tokenizer again = Tokenizer::parse(tokenizer.to_json(), "again");
    EXPECT_EQ(again.to_json(), tokenizer.to_json()) << name;
    EXPECT_EQ(again.hash(), tokenizer.hash()) << name;
    EXPECT_EQ(again.spec().merges, tokenizer.spec().merges) << name;
    EXPECT_EQ(again.spec().tokens, tokenizer.spec().tokens) << name;
    EXPECT_EQ(again.vocab_size(), 600U) << name;
  }
}

TEST(Tokenizer, HashesWhatIsInTheFile) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kGpt2);
  EXPECT_EQ(tokenizer.hash(), sha256_hex(tokenizer.to_json()));
  EXPECT_NE(tokenizer.hash(), trained(PretokenizerPattern::kLlama3).hash());
  EXPECT_NE(tokenizer.hash(), trained(PretokenizerPattern::kGpt2, 601).hash());
}

TEST(Tokenizer, LoadsAFileAndAFolderThatHoldsIt) {
  const TempDir dir;
  const Tokenizer tokenizer = trained(PretokenizerPattern::kGpt2);
  const auto file = dir.write("tok/tokenizer.json", tokenizer.to_json());
  EXPECT_EQ(Tokenizer::load(file).hash(), tokenizer.hash());
  EXPECT_EQ(Tokenizer::load(dir / "tok").hash(), tokenizer.hash());
}

TEST(Tokenizer, SaysWhatAFolderWithoutATokenizerLacks) {
  const TempDir dir;
  const auto message = error_of(ExitCode::kInput, [&] { Tokenizer::load(dir.path()); });
  EXPECT_NE(message.find("expected tokenizer.json, or vocab.json and merges.txt"), std::string::npos) << message;
  error_of(ExitCode::kInput, [&] { Tokenizer::load(dir / "nothing"); });
}

// "ab" is a token and (a, b) has no rule: only a whole pre-token can become it.
TEST(Tokenizer, TakesAWholePretokenForATokenOnlyWithIgnoreMerges) {
  TokenizerSpec spec = trained(PretokenizerPattern::kGpt2, 258).spec();
  spec.tokens.push_back({.bytes = "qz", .in_model = true});
  const Tokenizer with_merges(spec);
  EXPECT_EQ(with_merges.encode("qz").size(), 2U);
  spec.ignore_merges = true;
  const Tokenizer without(spec);
  EXPECT_EQ(without.encode("qz"), (Ids{258}));
  EXPECT_EQ(without.encode("qzq").size(), 3U);
}

TEST(Tokenizer, PutsTextIntoNormalFormCForQwen2) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kQwen2);
  EXPECT_EQ(tokenizer.encode("e\u0301"), tokenizer.encode("é"));
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\u1112\u1161\u11ab")), "한");
}

TEST(Tokenizer, LooksForNormalizedAddedTokensAfterTheOthers) {
  TokenizerSpec spec = trained(PretokenizerPattern::kGpt2, 258).spec();
  spec.tokens.push_back({.bytes = "xy", .in_model = false});
  spec.tokens.push_back({.bytes = "yz", .in_model = false});
  spec.added_tokens.push_back({.id = 258, .content = "xy", .special = false, .normalized = true});
  spec.added_tokens.push_back({.id = 259, .content = "yz", .special = false, .normalized = false});
  const Tokenizer tokenizer(spec);
  EXPECT_EQ(tokenizer.encode("xyz"), (Ids{*tokenizer.find_token("x"), 259}));
  EXPECT_EQ(tokenizer.encode("xy"), (Ids{258}));
}

TEST(Tokenizer, EncodesManyDocumentsAsOneByOne) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kLlama3);
  const auto documents = seeded_documents(4, 2000);
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  for (const int threads : {1, 3}) {
    const auto batch = encode_batch(tokenizer, views, threads);
    ASSERT_EQ(batch.size(), documents.size());
    for (std::size_t i = 0; i < documents.size(); ++i) ASSERT_EQ(batch[i], tokenizer.encode(documents[i]));
  }
}

TEST(Tokenizer, EncodesAMillionEqualCharactersAndALongRunOfHan) {
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    const Tokenizer tokenizer = trained(pattern);
    for (const std::string& text :
         {std::string(1'000'000, 'a'), std::string(1'000'000, ' '), std::string(1'000'000, '\n')}) {
      EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text) << name;
    }
    std::string han;
    for (int i = 0; i < 26'000; ++i) han += "中";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(han)), han) << name;
  }
}

TEST(Tokenizer, DecodesOnlyIdsThatItHas) {
  const Tokenizer tokenizer = trained(PretokenizerPattern::kGpt2);
  EXPECT_THROW(tokenizer.decode(Ids{600}), InternalError);
}

}  // namespace
}  // namespace llmtrain
