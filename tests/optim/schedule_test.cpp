#include "lib/optim/schedule.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

ScheduleConfig config(ScheduleName name, std::int64_t warmup, double final_ratio, double decay = 0.2) {
  return {.name = name, .warmup_steps = warmup, .final_ratio = final_ratio, .decay_fraction = decay};
}

// By hand: 1/4, 2/4, 3/4, then the peak.
TEST(Schedule, WarmsUpEvenlyToThePeak) {
  const auto c = config(ScheduleName::kConstant, 3, 0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 0, 10), 0.25);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 1, 10), 0.5);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 2, 10), 0.75);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 3, 10), 1.0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 9, 10), 1.0);
}

// By hand: after 2 of 10 steps, p = 0, 1/4, 1/2, 3/4 at steps 2, 4, 6, 8; cos(pi/4) = sqrt(1/2).
TEST(Schedule, FollowsTheCosine) {
  const auto c = config(ScheduleName::kCosine, 2, 0.1);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 2, 10), 1.0);
  EXPECT_NEAR(schedule_multiplier(c, 4, 10), 0.1 + 0.45 * (1 + 0.70710678118654752), 1e-15);
  EXPECT_NEAR(schedule_multiplier(c, 6, 10), 0.55, 1e-15);
  EXPECT_NEAR(schedule_multiplier(c, 8, 10), 0.1 + 0.45 * (1 - 0.70710678118654752), 1e-15);
}

TEST(Schedule, StaysAtItsLastValueBeyondTheEnd) {
  EXPECT_NEAR(schedule_multiplier(config(ScheduleName::kCosine, 0, 0.1), 10, 10), 0.1, 1e-15);
  EXPECT_NEAR(schedule_multiplier(config(ScheduleName::kCosine, 0, 0.1), 500, 10), 0.1, 1e-15);
  EXPECT_DOUBLE_EQ(schedule_multiplier(config(ScheduleName::kLinear, 0, 0), 11, 10), 0.0);
}

// By hand: 1 - 0.8 p with p = (step - 2) / 8.
TEST(Schedule, FallsInALine) {
  const auto c = config(ScheduleName::kLinear, 2, 0.2);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 2, 10), 1.0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 4, 10), 0.8);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 8, 10), 0.4);
}

// By hand: stable until step 15 of 20, then 1 - p with p = (step - 15) / 5.
TEST(Schedule, HoldsAndThenDecays) {
  const auto c = config(ScheduleName::kWarmupStableDecay, 4, 0, 0.25);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 0, 20), 0.2);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 4, 20), 1.0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 15, 20), 1.0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 17, 20), 0.6);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 19, 20), 0.2);
}

// By hand: the last quarter of 20 steps falls from 1 to 0.4 by 0.12 a step.
TEST(Schedule, DecaysToItsFinalRatio) {
  const auto c = config(ScheduleName::kWarmupStableDecay, 0, 0.4, 0.25);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 15, 20), 1.0);
  EXPECT_NEAR(schedule_multiplier(c, 16, 20), 0.88, 1e-15);
  EXPECT_NEAR(schedule_multiplier(c, 19, 20), 0.52, 1e-15);
  EXPECT_NEAR(schedule_multiplier(c, 20, 20), 0.4, 1e-15);
}

TEST(Schedule, DecaysOnlyAfterTheWarmUp) {
  const auto c = config(ScheduleName::kWarmupStableDecay, 12, 0, 0.9);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 12, 20), 1.0);
  EXPECT_DOUBLE_EQ(schedule_multiplier(c, 16, 20), 0.5);
}

}  // namespace
}  // namespace llmtrain
