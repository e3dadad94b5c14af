// Against other implementations: digests made by scripts/fixtures/tokenizer_golden.py with the packages `tokenizers`
// and `tiktoken`.
#include "lib/tokenizer/encode_batch.h"
#include "lib/tokenizer/tokenizer.h"
#include "lib/tokenizer/tokenizer_trainer.h"
#include "tests/support/test_support.h"
#include "tests/tokenizer/seeded_text.h"

namespace llmtrain {
namespace {

std::string ids_digest(const Tokenizer& tokenizer, const std::vector<std::string>& documents,
                       SpecialText special = SpecialText::kAsText) {
  const std::vector<std::string_view> views(documents.begin(), documents.end());
  return digest_of_ids(encode_batch(tokenizer, views, 0, special));
}

TrainedTokenizer train(PretokenizerPattern pattern, std::vector<std::string> documents, std::int64_t vocab_size,
                       int threads) {
  TokenizerTrainConfig config;
  config.vocab_size = vocab_size;
  config.pattern = pattern;
  config.special_tokens = {"<|endoftext|>", "<|pad|>"};
  return train_tokenizer(config, documents_of(std::move(documents)), {.threads = threads});
}

// The documents of scripts/fixtures/tokenizer_golden.py, real_documents().
std::vector<std::string> real_documents(const std::filesystem::path& data) {
  const std::string shakespeare = slurp(data / "text/tinyshakespeare.txt");
  std::vector<std::string> documents;
  for (std::size_t i = 0; i < shakespeare.size(); i += 20000) documents.push_back(shakespeare.substr(i, 20000));
  const std::string lines = slurp(data / "gsm8k/train.jsonl");
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    documents.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return documents;
}

TEST(TokenizerGolden, LearnsWhatTokenizersLearns) {
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    for (const int threads : {1, 2, 5}) {
      const auto trained = train(pattern, seeded_documents(1, 200), 600, threads);
      EXPECT_EQ(digest_of_training(trained.spec), golden_digest(fmt::format("seeded/{}/training", name))) << threads;
    }
  }
}

TEST(TokenizerGolden, EncodesAsTokenizersDoes) {
  const auto unseen = seeded_documents(2, 100);
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    const Tokenizer tokenizer(train(pattern, seeded_documents(1, 200), 600, 0).spec);
    EXPECT_EQ(ids_digest(tokenizer, unseen), golden_digest(fmt::format("seeded/{}/ids", name)));
    EXPECT_EQ(ids_digest(tokenizer, unseen, SpecialText::kAsToken),
              golden_digest(fmt::format("seeded/{}/ids_special", name)));
  }
}

// tests/tokenizer/golden/*.json are files of this project's trainer, read there by `tokenizers`.
TEST(TokenizerGolden, GivesTheIdsThatTokenizersGivesWithOurFiles) {
  for (const std::string name : {"gpt2", "llama3", "qwen2", "char"}) {
    const Tokenizer tokenizer = Tokenizer::load(golden_file(name + ".json"));
    const auto documents = name == "char" ? seeded_documents(1, 200) : seeded_documents(2, 100);
    EXPECT_EQ(ids_digest(tokenizer, documents), golden_digest("file/" + name + "/ids")) << name;
    EXPECT_EQ(ids_digest(tokenizer, documents, SpecialText::kAsToken), golden_digest("file/" + name + "/ids_special"))
        << name;
  }
}

TEST(TokenizerGolden, StillWritesTheCommittedFiles) {
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    const Tokenizer tokenizer(train(pattern, seeded_documents(1, 200), 600, 0).spec);
    EXPECT_EQ(tokenizer.to_json(), slurp(golden_file(fmt::format("{}.json", name)))) << name;
  }
  TokenizerTrainConfig config;
  config.kind = TokenizerKind::kChar;
  const Tokenizer tokenizer(train_tokenizer(config, documents_of(seeded_documents(1, 200))).spec);
  EXPECT_EQ(tokenizer.to_json(), slurp(golden_file("char.json")));
}

TEST(TokenizerGolden, LearnsWhatTokenizersLearnsFromShakespeare) {
  LLMTRAIN_NEEDS_REAL_DATA(data);
  auto documents = real_documents(data);
  documents.resize(56);  // the plays
  for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
    const auto trained = train(pattern, documents, 2000, 2);
    EXPECT_EQ(digest_of_training(trained.spec), golden_digest(fmt::format("shakespeare/{}/training", name)));
  }
}

TEST(TokenizerGolden, EncodesAsGpt2Does) {
  LLMTRAIN_NEEDS_REAL_DATA(data);
  const Tokenizer tokenizer = Tokenizer::load(data / "tokenizers/gpt2");
  EXPECT_EQ(tokenizer.vocab_size(), 50257U);
  EXPECT_EQ(tokenizer.end_of_document(), 50256U);
  auto documents = real_documents(data);
  for (auto& document : seeded_documents(2, 100)) documents.push_back(std::move(document));
  EXPECT_EQ(ids_digest(tokenizer, documents), golden_digest("gpt2/ids"));
  // The same again from the tokenizer.json that it becomes.
  EXPECT_EQ(ids_digest(Tokenizer::parse(tokenizer.to_json(), "again"), documents), golden_digest("gpt2/ids"));
}

// nanoGPT, data/shakespeare_char/prepare.py: the sorted characters of the text are the ids 0 to 64.
TEST(TokenizerGolden, HasNanoGptsCharactersOfShakespeare) {
  LLMTRAIN_NEEDS_REAL_DATA(data);
  TokenizerTrainConfig config;
  config.kind = TokenizerKind::kChar;
  config.special_tokens = {};
  const Tokenizer tokenizer(train_tokenizer(config, documents_of({slurp(data / "text/tinyshakespeare.txt")})).spec);
  ASSERT_EQ(tokenizer.vocab_size(), 65U);
  std::string all;
  for (std::uint32_t id = 0; id < 65; ++id) all += tokenizer.token_bytes(id);
  EXPECT_EQ(all, "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  EXPECT_EQ(tokenizer.end_of_document(), std::nullopt);
  EXPECT_EQ(tokenizer.encode("First"), (std::vector<std::uint32_t>{18, 47, 56, 57, 58}));
}

}  // namespace
}  // namespace llmtrain
