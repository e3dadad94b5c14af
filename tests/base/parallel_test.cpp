#include "lib/base/parallel.h"

#include <atomic>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(ParallelFor, VisitsEveryIndexOnce) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::atomic<int>> visits(1000);
    parallel_for(
        visits.size(), [&](std::size_t i) { ++visits[i]; }, threads);
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
}

TEST(ParallelFor, ThrowsWhatTheWorkThrewAndStops) {
  std::atomic<int> done{0};
  EXPECT_THROW(parallel_for(
                   1000000,
                   [&](std::size_t i) {
                     if (i == 10) throw std::runtime_error("ten");
                     ++done;
                   },
                   2),
               std::runtime_error);
  EXPECT_LT(done, 1000000 - 1);
}

TEST(ParallelFor, TakesNothingToDo) {
  parallel_for(0, [](std::size_t) { FAIL(); });
}

TEST(AvailableProcessors, IsAtLeastOne) { EXPECT_GE(available_processors(), 1); }

}  // namespace
}  // namespace llmtrain
