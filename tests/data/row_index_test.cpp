#include "lib/data/row_index.h"

#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include <gmock/gmock.h>

#include "lib/base/random.h"
#include "lib/data/row_source.h"
#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kSequence = 4;

// Two files of three documents; the ids tell document and place.
class RowsTest : public testing::Test {
 protected:
  void SetUp() override {
    add({{11, 12, 13, 14}, {21, 22, 23}});
    add({{31, 32, 33, 34, 35, 36, 37}});
  }

  void add(const std::vector<TokenDocument>& documents) {
    const std::string name = "shard" + std::to_string(shards_.size());
    shards_.push_back(write_shard(folder_ / name, documents));
    files_.push_back({.path = "file" + std::to_string(files_.size()) + ".jsonl", .identity = {}});
  }

  RowSource rows(const RowRules& rules, std::uint64_t vocab_size = 100) {
    const auto path = folder_ / "rows";
    write_row_index(path, rules, shards_, files_);
    return {shards_, path, rules.sequence_length, vocab_size};
  }

  static std::vector<std::vector<std::int32_t>> read_all(RowSource& source, bool with_padding = true) {
    std::vector<std::vector<std::int32_t>> all;
    RowShape shape;
    for (std::uint64_t row = 0; row < source.rows(); ++row) {
      std::vector<std::int32_t> tokens(source.sequence_length() + 1);
      source.read(row, tokens, shape);
      if (!with_padding) tokens.resize(shape.length);
      all.push_back(tokens);
    }
    return all;
  }

  TempDir folder_;
  std::vector<fs::path> shards_;
  std::vector<CorpusFile> files_;
};

TEST_F(RowsTest, StreamCutsWhereverARowIsFull) {
  auto source = rows({.sequence_length = kSequence});
  EXPECT_THAT(read_all(source), ElementsAre(ElementsAre(11, 12, 13, 14, 21), ElementsAre(21, 22, 23, 31, 32),
                                            ElementsAre(32, 33, 34, 35, 36), ElementsAre(36, 37, 0, 0, 0)));
  EXPECT_EQ(source.counts().tokens, 14U);
  EXPECT_EQ(source.counts().documents, 3U);
}

TEST_F(RowsTest, StreamSaysWhereDocumentsBegin) {
  auto source = rows({.sequence_length = kSequence});
  std::vector<std::int32_t> tokens(kSequence + 1);
  RowShape shape;
  source.read(0, tokens, shape);
  EXPECT_EQ(shape.length, 5U);
  EXPECT_THAT(shape.starts, ElementsAre(0, 4));
  source.read(1, tokens, shape);
  EXPECT_THAT(shape.starts, ElementsAre(0, 3));
  source.read(3, tokens, shape);
  EXPECT_EQ(shape.length, 2U);
  EXPECT_THAT(shape.starts, ElementsAre(0));
}

TEST_F(RowsTest, BestFitKeepsWholeWhatFits) {
  auto source = rows({.sequence_length = kSequence, .packing = Packing::kBestFit});
  EXPECT_THAT(read_all(source), ElementsAre(ElementsAre(31, 32, 33, 34, 35), ElementsAre(11, 12, 13, 14, 0),
                                            ElementsAre(21, 22, 23, 0, 0), ElementsAre(35, 36, 37, 0, 0)));
}

TEST_F(RowsTest, DropLeavesLongDocumentsOutAndNamesTheFirst) {
  auto source = rows({.sequence_length = kSequence, .long_documents = LongDocuments::kDrop});
  EXPECT_THAT(read_all(source), ElementsAre(ElementsAre(11, 12, 13, 14, 21), ElementsAre(21, 22, 23, 0, 0)));
  EXPECT_EQ(source.counts().too_long, 1U);
  EXPECT_EQ(source.counts().dropped_tokens, 7U);
  ASSERT_TRUE(source.counts().first_too_long);
  EXPECT_EQ(source.counts().first_too_long->shard, 1U);
  EXPECT_EQ(source.counts().first_too_long->place, 1U);
}

TEST_F(RowsTest, TruncateKeepsTheHead) {
  auto source = rows({.sequence_length = kSequence, .long_documents = LongDocuments::kTruncate});
  EXPECT_THAT(read_all(source), ElementsAre(ElementsAre(11, 12, 13, 14, 21), ElementsAre(21, 22, 23, 31, 32),
                                            ElementsAre(32, 33, 34, 35, 0)));
  EXPECT_EQ(source.counts().dropped_tokens, 2U);
}

TEST_F(RowsTest, ErrorNamesTheFirstLongDocument) {
  const RowRules rules{.sequence_length = kSequence, .long_documents = LongDocuments::kError};
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { rows(rules); }),
              HasSubstr("file1.jsonl:1: the document is longer than a row: expected at most 5 tokens"));
  EXPECT_FALSE(fs::exists(folder_ / "rows"));
}

TEST_F(RowsTest, TailHoldsOutTheLastTokens) {
  // By hand: of 14 tokens floor(14 * 0.75) = 10 are left, so the third document is cut before its fourth token.
  RowRules rules{.sequence_length = kSequence, .hold_out = HoldOut::kTail, .held_out_fraction = 0.25};
  auto left = rows(rules);
  EXPECT_THAT(read_all(left, false),
              ElementsAre(ElementsAre(11, 12, 13, 14, 21), ElementsAre(21, 22, 23, 31, 32), ElementsAre(32, 33)));
  rules.held_out = true;
  auto held_out = rows(rules);
  EXPECT_THAT(read_all(held_out, false), ElementsAre(ElementsAre(34, 35, 36, 37)));
}

TEST_F(RowsTest, LeavesOutDocumentsOfOneToken) {
  add({{41}, {51, 52}});
  auto source = rows({.sequence_length = kSequence});
  EXPECT_EQ(source.counts().too_short, 1U);
  EXPECT_THAT(read_all(source).back(), ElementsAre(36, 37, 51, 52, 0));
}

TEST_F(RowsTest, RefusesAnIdTheModelDoesNotHave) {
  auto source = rows({.sequence_length = kSequence}, 36);
  std::vector<std::int32_t> tokens(kSequence + 1);
  RowShape shape;
  source.read(1, tokens, shape);
  // The shard begins with a head of 64 bytes; 36 is its sixth token of two bytes.
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { source.read(2, tokens, shape); }),
              HasSubstr("shard1: byte 74: token id out of range: expected below 36, got 36"));
}

TEST_F(RowsTest, RefusesAnEmptySource) {
  shards_ = {write_shard(folder_ / "single", {{1}})};
  files_.resize(1);
  EXPECT_EQ(rows({.sequence_length = kSequence}).rows(), 0U);
}

// Documents of random length with ids that tell every token; the pairs of neighbours that rows train must be all pairs
// inside documents, each once.
class EveryPairTest : public testing::TestWithParam<Packing> {};

TEST_P(EveryPairTest, IsATargetOnce) {
  const TempDir folder;
  RandomStream random(4, "lengths");
  std::vector<fs::path> shards;
  std::vector<CorpusFile> files;
  std::uint32_t id = 1;
  std::multiset<std::pair<std::int32_t, std::int32_t>> expected;
  for (int shard = 0; shard < 7; ++shard) {
    std::vector<TokenDocument> documents;
    for (std::uint64_t left = random.below(40); left > 0; --left) {
      TokenDocument document(1 + random.below(30));
      for (auto& token : document) token = id++;
      for (std::size_t i = 1; i < document.size(); ++i) expected.emplace(document[i - 1], document[i]);
      documents.push_back(document);
    }
    shards.push_back(write_shard(folder / ("s" + std::to_string(shard)), documents, 100000));
    files.push_back({.path = "f", .identity = {}});
  }
  write_row_index(folder / "rows", {.sequence_length = 7, .packing = GetParam()}, shards, files);
  RowSource source(shards, folder / "rows", 7, 100000);
  std::multiset<std::pair<std::int32_t, std::int32_t>> trained;
  RowShape shape;
  for (std::uint64_t row = 0; row < source.rows(); ++row) {
    std::vector<std::int32_t> tokens(8);
    source.read(row, tokens, shape);
    const std::set<std::uint32_t> starts(shape.starts.begin(), shape.starts.end());
    for (std::uint32_t i = 1; i < shape.length; ++i) {
      if (!starts.contains(i)) trained.emplace(tokens[i - 1], tokens[i]);
    }
  }
  EXPECT_GT(expected.size(), 500U);
  EXPECT_EQ(trained, expected);
}

INSTANTIATE_TEST_SUITE_P(Packings, EveryPairTest, testing::Values(Packing::kStream, Packing::kBestFit),
                         [](const auto& packing) { return std::string(enum_name(packing.param)); });

// 2^63 is the middle of all hashes.
TEST(IsHeldOut, TakesTheShareBelow) {
  constexpr std::uint64_t kMiddle = std::uint64_t{1} << 63U;
  EXPECT_FALSE(is_held_out(0, 0.0));
  EXPECT_TRUE(is_held_out(0, 0.001));
  EXPECT_FALSE(is_held_out(kMiddle, 0.5));
  EXPECT_TRUE(is_held_out(kMiddle - 2048, 0.5));
  EXPECT_FALSE(is_held_out(~std::uint64_t{0}, 0.999));
}

// Of 4,000 documents 10 % is 400, with a standard deviation of 19.
TEST(RowIndex, SplitsByContentSoThatDuplicatesStayTogether) {
  const TempDir folder;
  std::vector<TokenDocument> documents;
  for (std::uint32_t i = 0; i < 4000; ++i) documents.push_back({i, i + 1});
  for (std::uint32_t i = 0; i < 4000; ++i) documents.push_back({i, i + 1});
  const std::vector<fs::path> shards = {write_shard(folder / "s", documents, 5000)};
  RowRules rules{.sequence_length = 2, .packing = Packing::kBestFit, .held_out_fraction = 0.1};
  std::map<std::int32_t, std::set<bool>> sides;
  std::uint64_t held_out_documents = 0;
  for (const bool held_out : {false, true}) {
    rules.held_out = held_out;
    write_row_index(folder / "rows", rules, shards, {{.path = "f", .identity = {}}});
    RowSource source(shards, folder / "rows", 2, 5000);
    if (held_out) held_out_documents = source.counts().documents;
    EXPECT_EQ(source.counts().documents + source.counts().other_side, 8000U);
    RowShape shape;
    for (std::uint64_t row = 0; row < source.rows(); ++row) {
      std::vector<std::int32_t> tokens(3);
      source.read(row, tokens, shape);
      sides[tokens[0]].insert(held_out);
    }
  }
  EXPECT_NEAR(static_cast<double>(held_out_documents), 800.0, 2 * 4 * 19.0);
  ASSERT_EQ(sides.size(), 4000U);
  for (const auto& [id, where] : sides) ASSERT_EQ(where.size(), 1U) << "document " << id << " on both sides";
}

TEST(RowIndexKey, DependsOnRulesAndShards) {
  const RowRules rules{.sequence_length = 4};
  const auto key = row_index_key(rules, {"a", "b"});
  EXPECT_EQ(key, row_index_key(rules, {"a", "b"}));
  EXPECT_NE(key, row_index_key(rules, {"b", "a"}));
  EXPECT_NE(key, row_index_key(rules, {"a"}));
  std::set<std::string> keys = {key};
  keys.insert(row_index_key({.sequence_length = 5}, {"a", "b"}));
  keys.insert(row_index_key({.sequence_length = 4, .packing = Packing::kBestFit}, {"a", "b"}));
  keys.insert(row_index_key({.sequence_length = 4, .long_documents = LongDocuments::kDrop}, {"a", "b"}));
  keys.insert(row_index_key({.sequence_length = 4, .hold_out = HoldOut::kTail}, {"a", "b"}));
  keys.insert(row_index_key({.sequence_length = 4, .held_out_fraction = 0.5}, {"a", "b"}));
  keys.insert(row_index_key({.sequence_length = 4, .held_out = true}, {"a", "b"}));
  EXPECT_EQ(keys.size(), 7U);
}

}  // namespace
}  // namespace llmtrain
