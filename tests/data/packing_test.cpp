#include "lib/data/packing.h"

#include <vector>

#include <gmock/gmock.h>

#include "lib/base/random.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::FieldsAre;
using testing::IsEmpty;

// By hand: 3 + 5 + 2 = 10 tokens, 9 targets, so 3 rows of 4.
TEST(StreamPacker, LaysDocumentsOneAfterAnother) {
  StreamPacker packer(4);
  EXPECT_THAT(packer.add(100, 3), FieldsAre(0, 100, 3));
  EXPECT_THAT(packer.add(103, 5), FieldsAre(3, 103, 5));
  EXPECT_THAT(packer.add(200, 2), FieldsAre(8, 200, 2));
  EXPECT_EQ(packer.rows(), 3U);
}

TEST(StreamPacker, CountsRowsByTargets) {
  StreamPacker packer(4);
  EXPECT_EQ(packer.rows(), 0U);
  packer.add(0, 5);
  EXPECT_EQ(packer.rows(), 1U);
  packer.add(5, 3);
  EXPECT_EQ(packer.rows(), 2U);
  packer.add(8, 2);
  EXPECT_EQ(packer.rows(), 3U);
}

// By hand, capacity 10. Longest first: 7 | 6 | 5 does not fit beside either (3 and 4 left) | 4 fits beside 6 (4 left)
// and 5 (5 left): 6 is fuller | 3 fits beside 7 (3 left) and 5 (5 left): 7 | 2 beside 5.
TEST(PackBestFit, PutsEachIntoTheFullestBinItFits) {
  const std::vector<std::uint64_t> lengths = {4, 7, 2, 6, 3, 5};
  EXPECT_THAT(pack_best_fit(lengths, 10), ElementsAre(ElementsAre(1, 4), ElementsAre(3, 0), ElementsAre(5, 2)));
}

TEST(PackBestFit, BreaksTiesByOrder) {
  const std::vector<std::uint64_t> lengths = {5, 5, 5, 5};
  EXPECT_THAT(pack_best_fit(lengths, 10), ElementsAre(ElementsAre(0, 1), ElementsAre(2, 3)));
  EXPECT_THAT(pack_best_fit({}, 10), IsEmpty());
}

TEST(PackBestFit, RefusesWhatFitsNowhere) {
  const std::vector<std::uint64_t> lengths = {11};
  EXPECT_THROW(pack_best_fit(lengths, 10), InternalError);
}

// Best-fit decreasing needs at most 11/9 of the optimum and 4 bins (Johnson 1973); the optimum is at least sum /
// capacity.
TEST(PackBestFit, StaysWithinItsBoundAndLosesNothing) {
  RandomStream random(1, "lengths");
  std::vector<std::uint64_t> lengths(1000);
  std::uint64_t sum = 0;
  for (auto& length : lengths) sum += length = 2 + random.below(99);
  const auto bins = pack_best_fit(lengths, 100);
  std::vector<int> seen(lengths.size());
  for (const auto& bin : bins) {
    std::uint64_t filled = 0;
    for (const auto item : bin) {
      filled += lengths[item];
      ++seen[item];
    }
    ASSERT_LE(filled, 100U);
  }
  EXPECT_THAT(seen, testing::Each(1));
  EXPECT_LE(static_cast<double>(bins.size()), 11.0 / 9.0 * static_cast<double>(sum + 99) / 100.0 + 4.0);
}

// By hand, rows of 4 targets, so 5 tokens. The document of 11 tokens makes pieces of 5, 5 and 3 that share a token at
// each seam: 0-4, 4-8, 8-10; the 2 of the other fits beside the 3.
TEST(BestFitPacker, CutsLongDocumentsWithASharedToken) {
  BestFitPacker packer(4);
  std::vector<RowPiece> pieces;
  packer.add(0, 11, pieces);
  packer.add(11, 2, pieces);
  EXPECT_THAT(pieces, IsEmpty()) << "the window is not full";
  packer.finish(pieces);
  EXPECT_THAT(pieces, ElementsAre(FieldsAre(0, 0, 5), FieldsAre(5, 4, 5), FieldsAre(10, 8, 3), FieldsAre(13, 11, 2)));
  EXPECT_EQ(packer.rows(), 3U);
}

// 5 tokens over 4 targets is one row; 6 tokens leave a piece of two.
TEST(BestFitPacker, LeavesNoPieceOfOneToken) {
  BestFitPacker packer(4);
  std::vector<RowPiece> pieces;
  packer.add(0, 5, pieces);
  packer.add(5, 6, pieces);
  packer.finish(pieces);
  EXPECT_THAT(pieces, ElementsAre(FieldsAre(0, 0, 5), FieldsAre(5, 5, 5), FieldsAre(10, 9, 2)));
}

TEST(BestFitPacker, ClosesAWindowWhenItIsFull) {
  BestFitPacker packer(4);
  std::vector<RowPiece> pieces;
  for (std::uint64_t i = 0; i < kPackingWindow; ++i) packer.add(5 * i, 5, pieces);
  EXPECT_EQ(pieces.size(), kPackingWindow);
  EXPECT_EQ(packer.rows(), kPackingWindow);
  packer.add(9, 2, pieces);
  packer.finish(pieces);
  EXPECT_THAT(pieces.back(), FieldsAre(5 * kPackingWindow, 9, 2));
}

}  // namespace
}  // namespace llmtrain
