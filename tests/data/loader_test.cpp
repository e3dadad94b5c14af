#include "lib/data/loader.h"

#include <filesystem>
#include <map>
#include <vector>

#include <gmock/gmock.h>

#include "tests/data/data_fixtures.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

RowSource source_of(const TempDir& folder, const std::string& name, const std::vector<TokenDocument>& documents,
                    std::uint64_t sequence_length) {
  const std::vector<fs::path> shards = {write_shard(folder / (name + ".tokens"), documents, 1000)};
  const auto index = folder / (name + ".rows");
  write_row_index(index, {.sequence_length = sequence_length}, shards, {{.path = name, .identity = {}}});
  return {shards, index, sequence_length, 1000};
}

// Documents 1 2 3 4 | 5 6 7 | 8 9 10 11 12 13 14 and rows of four targets.
RowBatch worked_batch(bool across_documents) {
  const TempDir folder;
  auto source = source_of(folder, "a", {{1, 2, 3, 4}, {5, 6, 7}, {8, 9, 10, 11, 12, 13, 14}}, 4);
  RowBatch batch;
  for (std::uint64_t row = 0; row < source.rows(); ++row) append_row(source, row, across_documents, batch);
  return batch;
}

TEST(AppendRow, KeepsDocumentsApart) {
  const auto batch = worked_batch(false);
  EXPECT_EQ(batch.rows, 4U);
  EXPECT_THAT(batch.tokens, ElementsAre(1, 2, 3, 4, 5,      //
                                        5, 6, 7, 8, 9,      //
                                        9, 10, 11, 12, 13,  //
                                        13, 14, 0, 0, 0));
  EXPECT_THAT(batch.target_mask, ElementsAre(1, 1, 1, 0,  // 5 begins a document
                                             1, 1, 0, 1,  // 8 does
                                             1, 1, 1, 1,  //
                                             1, 0, 0, 0));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 3,  //
                                           0, 1, 2, 0,  //
                                           0, 1, 2, 3,  //
                                           0, 1, 0, 1));
  EXPECT_THAT(batch.document_bounds, ElementsAre(0, 4, 7, 8, 12, 14, 16));
  EXPECT_EQ(batch.targets, 11U);  // 3 + 2 + 6: every token of a document but its first
}

TEST(AppendRow, TakesARowForOneDocumentWhereAsked) {
  const auto batch = worked_batch(true);
  EXPECT_THAT(batch.target_mask, ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0));
  EXPECT_THAT(batch.positions, ElementsAre(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 0, 1));
  EXPECT_THAT(batch.document_bounds, ElementsAre(0, 4, 8, 12, 14, 16));
  EXPECT_EQ(batch.targets, 13U);
}

// A row whose last token is only a target fills all inputs: no padding document.
TEST(AppendRow, FillsAllInputsOfARowThatLacksOneTarget) {
  const TempDir folder;
  auto source = source_of(folder, "a", {{1, 2, 3, 4}}, 4);
  RowBatch batch;
  append_row(source, 0, false, batch);
  EXPECT_THAT(batch.tokens, ElementsAre(1, 2, 3, 4, 0));
  EXPECT_THAT(batch.target_mask, ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(batch.document_bounds, ElementsAre(0, 4));
}

TEST(ReadingOrder, ReadsSourceBySource) {
  const auto order = reading_order({2, 0, 3});
  std::vector<std::pair<std::size_t, std::uint64_t>> seen;
  for (std::uint64_t position = 0; position < 5; ++position) {
    const auto [source, row] = order(position);
    seen.emplace_back(source, row);
  }
  using Pair = std::pair<std::size_t, std::uint64_t>;
  EXPECT_THAT(seen, ElementsAre(Pair{0, 0}, Pair{0, 1}, Pair{2, 0}, Pair{2, 1}, Pair{2, 2}));
  EXPECT_THROW(order(5), InternalError);
}

TEST(TrainingOrder, IsTheMixtures) {
  const Mixture mixture(9, {{2.0, 300}, {1.0, 40}});
  const auto order = training_order(mixture);
  for (const std::uint64_t position : {0U, 5U, 1023U, 1024U, 3U, 9999U, 1025U}) {
    const auto [source, row] = order(position);
    const auto draw = mixture.at(position);
    EXPECT_EQ(source, draw.source);
    EXPECT_EQ(row, draw.row);
  }
}

class RowLoaderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<TokenDocument> even;
    std::vector<TokenDocument> odd;
    for (std::uint32_t i = 0; i < 50; ++i) even.push_back({2 * i, 2 * i, 2 * i});
    for (std::uint32_t i = 0; i < 30; ++i) odd.push_back({2 * i + 1, 2 * i + 1});
    source_of(folder_, "even", even, 3);
    source_of(folder_, "odd", odd, 3);
  }
  std::vector<RowSource> sources(std::uint64_t vocab_size = 1000) {
    std::vector<RowSource> both;
    for (const std::string name : {"even", "odd"}) {
      both.emplace_back(std::vector<fs::path>{folder_ / (name + ".tokens")}, folder_ / (name + ".rows"), 3, vocab_size);
    }
    return both;
  }
  RowOrder order() {
    const auto both = sources();
    return training_order(Mixture(77, {{3.0, both[0].rows()}, {1.0, both[1].rows()}}));
  }

  TempDir folder_;
};

TEST_F(RowLoaderTest, HandsOutTheOrder) {
  RowLoader loader(sources(), order(), {.batch_rows = 5});
  auto rows = sources();
  const auto expected_order = order();
  std::map<std::size_t, int> drawn;
  for (std::uint64_t position = 0; position < 200; position += 5) {
    EXPECT_EQ(loader.position(), position);
    const auto batch = loader.next();
    EXPECT_EQ(batch.position, position);
    RowBatch expected;
    for (std::uint64_t i = 0; i < 5; ++i) {
      const auto [source, row] = expected_order(position + i);
      append_row(rows[source], row, false, expected);
      ++drawn[source];
    }
    ASSERT_EQ(batch.tokens, expected.tokens) << position;
    ASSERT_EQ(batch.target_mask, expected.target_mask);
    ASSERT_EQ(batch.document_bounds, expected.document_bounds);
  }
  EXPECT_NEAR(drawn[0], 150, 25) << "three of four from the first source";
}

TEST_F(RowLoaderTest, GoesOnExactlyFromOneNumber) {
  std::vector<std::vector<std::int32_t>> whole;
  RowLoader loader(sources(), order(), {.batch_rows = 4});
  for (int i = 0; i < 60; ++i) whole.push_back(loader.next().tokens);
  for (const std::uint64_t stop : {0U, 1U, 7U, 33U}) {
    RowLoader resumed(sources(), order(), {.batch_rows = 4}, 4 * stop);
    for (std::size_t i = stop; i < stop + 20; ++i) ASSERT_EQ(resumed.next().tokens, whole[i]) << stop << " " << i;
    EXPECT_EQ(resumed.position(), 4 * (stop + 20));
  }
  loader.seek(8);
  EXPECT_EQ(loader.next().tokens, whole[2]);
  EXPECT_EQ(loader.next().tokens, whole[3]);
}

TEST_F(RowLoaderTest, GivesTheSameRowsInAnyBatchSize) {
  std::vector<std::int32_t> by_three;
  std::vector<std::int32_t> by_seven;
  RowLoader three(sources(), order(), {.batch_rows = 3, .prefetch = 1});
  RowLoader seven(sources(), order(), {.batch_rows = 7, .prefetch = 5});
  for (int i = 0; i < 7; ++i) {
    const auto batch = three.next();
    by_three.insert(by_three.end(), batch.tokens.begin(), batch.tokens.end());
  }
  for (int i = 0; i < 3; ++i) {
    const auto batch = seven.next();
    by_seven.insert(by_seven.end(), batch.tokens.begin(), batch.tokens.end());
  }
  EXPECT_EQ(by_three, by_seven);
}

TEST_F(RowLoaderTest, EndsWithASmallerBatchAndThenNone) {
  auto both = sources();
  const std::vector<std::uint64_t> rows = {both[0].rows(), both[1].rows()};
  EXPECT_THAT(rows, ElementsAre(50, 20));  // 149 and 59 targets by threes
  RowLoader loader(std::move(both), reading_order(rows), {.batch_rows = 32, .end = 70});
  EXPECT_EQ(loader.next().rows, 32U);
  EXPECT_EQ(loader.next().rows, 32U);
  EXPECT_EQ(loader.next().rows, 6U);
  EXPECT_EQ(loader.next().rows, 0U);
  EXPECT_EQ(loader.next().rows, 0U);
  EXPECT_EQ(loader.position(), 70U);
}

TEST_F(RowLoaderTest, ThrowsWhatReadingThrewAfterWhatCameBefore) {
  auto both = sources(70);  // ids reach 98 in the first source
  const std::vector<std::uint64_t> rows = {both[0].rows(), both[1].rows()};
  RowLoader loader(std::move(both), reading_order(rows), {.batch_rows = 10});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(loader.next().rows, 10U);
  const auto message = error_of(ExitCode::kInput, [&] { loader.next(); });
  EXPECT_THAT(message, HasSubstr("token id out of range: expected below 70, got 70"));
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { loader.next(); }), HasSubstr("out of range")) << "again";
  loader.seek(0);
  EXPECT_EQ(loader.next().rows, 10U);
}

TEST_F(RowLoaderTest, StopsAtOnceWhenItGoesAway) {
  for (int i = 0; i < 50; ++i) {
    RowLoader loader(sources(), order(), {.batch_rows = 2});
    if (i % 2 == 0) loader.next();
  }
}

}  // namespace
}  // namespace llmtrain
