#include "lib/metrics/share.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// By hand: of 1 1 1 0 the mean is 3/4, the sample's variance (3 / 16 + 9 / 16) / 3 = 1/4, the error sqrt(1/4 / 4).
TEST(ShareOf, HasTheStandardErrorOfTheMean) {
  EXPECT_DOUBLE_EQ(share_of(3, 4).value, 0.75);
  EXPECT_DOUBLE_EQ(share_of(3, 4).error.value(), 0.25);
  EXPECT_DOUBLE_EQ(share_of(0, 2).error.value(), 0);
}

TEST(ShareOf, KnowsNoErrorOfOneCase) {
  EXPECT_DOUBLE_EQ(share_of(1, 1).value, 1);
  EXPECT_FALSE(share_of(1, 1).error);
}

TEST(ShareOf, NeedsACase) { EXPECT_THROW(share_of(0, 0), InternalError); }

}  // namespace
}  // namespace llmtrain
