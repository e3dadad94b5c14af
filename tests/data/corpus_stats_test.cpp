#include "lib/data/corpus_stats.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

const Log kQuiet(LogLevel::kQuiet);

TEST(EpochsOf, CountsRowsPerStep) {
  PretrainConfig config;
  config.sequence_length = 100;
  config.batch_tokens = 1000;
  EXPECT_FALSE(epochs_of(config, 50));
  config.steps = 20;
  EXPECT_DOUBLE_EQ(*epochs_of(config, 50), 4.0);  // 20 steps of 10 rows over 50
  config.steps.reset();
  config.tokens = 10000;
  EXPECT_DOUBLE_EQ(*epochs_of(config, 50), 2.0);
  config.tokens.reset();
  config.epochs = 1.5;
  EXPECT_DOUBLE_EQ(*epochs_of(config, 50), 1.5);
}

class CorpusStatsTest : public testing::Test {
 protected:
  CorpusStatsTest() {
    config_.data.cache = (folder_ / "cache").string();
    config_.sequence_length = 8;
    config_.batch_tokens = 8;
  }
  static DataSource source(const std::filesystem::path& path) {
    DataSource source;
    source.path = path.string();
    return source;
  }
  CorpusStats measure() {
    const auto tokenizer = byte_tokenizer();
    const auto corpus = prepare_corpus(config_, tokenizer, {}, kQuiet);
    return measure_corpus(corpus, config_, tokenizer, ProgressMode::kOff);
  }

  TempDir folder_;
  PretrainConfig config_;
};

// Documents of 1 to 99 bytes, so of 2 to 100 tokens: by nearest rank the 50th (of 49.5), 90th, 99th and last.
TEST_F(CorpusStatsTest, CountsLengthsInTokens) {
  std::string file;
  for (int i = 99; i >= 1; --i) file += "{\"text\": \"" + std::string(static_cast<std::size_t>(i), 'a') + "\"}\n";
  config_.data.train = {source(folder_.write("a.jsonl", file))};
  const auto stats = measure();
  ASSERT_THAT(stats.sources, SizeIs(1));
  const auto& all = stats.sources[0];
  EXPECT_EQ(all.documents, 99U);
  EXPECT_EQ(all.text_bytes, 4950U);
  EXPECT_EQ(all.tokens, 5049U);
  EXPECT_DOUBLE_EQ(all.bytes_per_token(), 4950.0 / 5049.0);
  EXPECT_EQ(all.lengths.p50, 51U);
  EXPECT_EQ(all.lengths.p90, 91U);
  EXPECT_EQ(all.lengths.p99, 100U);
  EXPECT_EQ(all.lengths.longest, 100U);
  EXPECT_EQ(all.rows, 631U);  // 5,048 targets by eights
  EXPECT_EQ(stats.train_rows, 631U);
}

TEST_F(CorpusStatsTest, CountsDuplicatesOverAllSources) {
  config_.data.train = {source(folder_.write("a.jsonl", "{\"text\":\"xx\"}\n{\"text\":\"yy\"}\n{\"text\":\"xx\"}\n")),
                        source(folder_.write("b.jsonl", "{\"text\":\"zz\"}\n{\"text\":\"xx\"}\n"))};
  const auto stats = measure();
  EXPECT_EQ(stats.sources[0].duplicates, 1U);
  EXPECT_EQ(stats.sources[1].duplicates, 1U);
}

TEST_F(CorpusStatsTest, CountsScriptsWithoutTheEndToken) {
  config_.data.train = {source(folder_.write("a.jsonl", "{\"text\":\"한국 ab\"}\n{\"text\":\"c1\"}\n"))};
  const auto scripts = measure().sources[0].scripts;
  EXPECT_EQ(scripts[static_cast<std::size_t>(Script::kHangul)], 2U);
  EXPECT_EQ(scripts[static_cast<std::size_t>(Script::kLatin)], 3U);
  EXPECT_EQ(scripts[static_cast<std::size_t>(Script::kDigits)], 1U);
  EXPECT_EQ(scripts[static_cast<std::size_t>(Script::kSpaces)], 1U);
  EXPECT_EQ(scripts[static_cast<std::size_t>(Script::kPunctuation)], 0U);
}

TEST_F(CorpusStatsTest, TellsValidationFilesApart) {
  config_.data.train = {source(folder_.write("a.jsonl", "{\"text\":\"xxxxxxxxxx\"}\n"))};
  config_.data.validation.data = {source(folder_.write("v.jsonl", "{\"text\":\"xxxxxxxxxx\"}\n{\"text\":\"yy\"}\n"))};
  const auto stats = measure();
  ASSERT_THAT(stats.validation, SizeIs(1));
  EXPECT_EQ(stats.validation[0].documents, 2U);
  EXPECT_EQ(stats.validation_documents, 2U);
  EXPECT_EQ(stats.validation_rows, 2U);  // 14 tokens, 13 targets
}

}  // namespace
}  // namespace llmtrain
