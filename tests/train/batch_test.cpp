#include "lib/train/batch.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "tests/train/worked_batch.h"

namespace llmtrain {
namespace {

std::vector<std::int32_t> ints(const at::Tensor& tensor) {
  const auto flat = tensor.to(at::kInt).contiguous();
  const auto* data = flat.const_data_ptr<std::int32_t>();
  return {data, data + flat.numel()};
}

using Ints = std::vector<std::int32_t>;

// By hand, three rows of four targets; documents 1 2 3 4 | 5 6 | 7 8 ... 14.
RowBatch worked() {
  RowBatch rows;
  rows.position = 40;
  rows.rows = 3;
  rows.seq = 4;
  rows.tokens = {1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 9, 10, 11, 12, 13};
  rows.positions = {0, 1, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3};
  rows.target_mask = {1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1};
  rows.document_bounds = {0, 4, 6, 8, 12};
  rows.targets = 10;
  return rows;
}

TEST(ToBatch, ShiftsTargetsByOneInEachRow) {
  Batch batch;
  {
    const auto rows = worked();
    batch = to_batch(rows);
  }
  EXPECT_EQ(batch.position, 40U);
  EXPECT_EQ(batch.rows, 3);
  EXPECT_EQ(batch.seq, 4);
  EXPECT_EQ(ints(batch.tokens), (Ints{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(ints(batch.targets), (Ints{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(ints(batch.positions), (Ints{0, 1, 2, 3, 0, 1, 0, 1, 0, 1, 2, 3}));
  EXPECT_EQ(ints(batch.trained), (Ints{1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(batch.trained.scalar_type(), at::kFloat);
  EXPECT_EQ(batch.documents, (Ints{0, 4, 6, 8, 12}));
  EXPECT_EQ(batch.trained_tokens, 10);
}

TEST(ToBatch, OwnsItsTensorsOfASingleRow) {
  auto rows = row_batch({{.tokens = {1, 2, 3}, .documents = {0}, .trained = 2}});
  const auto batch = to_batch(rows);
  rows.tokens = {9, 9, 9};
  rows.positions = {9, 9};
  EXPECT_EQ(ints(batch.tokens), (Ints{1, 2}));
  EXPECT_EQ(ints(batch.targets), (Ints{2, 3}));
  EXPECT_EQ(ints(batch.positions), (Ints{0, 1}));
}

TEST(SliceRows, TakesTheRowsAndTheirDocuments) {
  const auto batch = to_batch(worked());
  const auto part = slice_rows(batch, 1, 2);
  EXPECT_EQ(part.position, 41U);
  EXPECT_EQ(part.rows, 2);
  EXPECT_EQ(ints(part.tokens), (Ints{5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_EQ(ints(part.targets), (Ints{6, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(ints(part.positions), (Ints{0, 1, 0, 1, 0, 1, 2, 3}));
  EXPECT_EQ(part.documents, (Ints{0, 2, 4, 8}));
  EXPECT_EQ(part.trained_tokens, 7);
  const auto first = slice_rows(batch, 0, 1);
  EXPECT_EQ(first.documents, (Ints{0, 4}));
  EXPECT_EQ(first.trained_tokens, 3);
}

TEST(SliceRows, RefusesRowsThatAreNotThereAndDocumentsThatCrossThem) {
  auto batch = to_batch(worked());
  EXPECT_THROW(slice_rows(batch, 2, 2), InternalError);
  EXPECT_THROW(slice_rows(batch, 0, 0), InternalError);
  EXPECT_THROW(slice_rows(batch, -1, 1), InternalError);
  batch.documents = {0, 6, 12};
  EXPECT_THROW(slice_rows(batch, 1, 1), InternalError);
}

}  // namespace
}  // namespace llmtrain
