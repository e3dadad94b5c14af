#include "lib/metrics/throughput.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

using std::chrono::seconds;
constexpr Throughput::Clock::time_point kStart{};

TEST(Throughput, CountsTheLastStepsOnly) {
  Throughput throughput({.window_steps = 2});
  throughput.start(kStart);
  throughput.step(100, kStart + seconds(100));  // a slow first step
  EXPECT_EQ(throughput.tokens_per_second(), 1.0);
  throughput.step(100, kStart + seconds(101));
  throughput.step(300, kStart + seconds(104));
  EXPECT_EQ(throughput.tokens_per_second(), 100.0);  // 400 tokens in 4 s
  EXPECT_EQ(throughput.seconds_left(10), 20.0);      // 2 s a step
}

TEST(Throughput, DoesNotCountWhatIsNoStep) {
  Throughput throughput({});
  throughput.start(kStart);
  throughput.step(10, kStart + seconds(1));
  throughput.start(kStart + seconds(61));  // a minute of evaluation
  throughput.step(10, kStart + seconds(62));
  EXPECT_EQ(throughput.tokens_per_second(), 10.0);
  EXPECT_EQ(throughput.seconds_left(5), 5.0);
}

TEST(Throughput, GivesTheShareOfTheMeasuredPeak) {
  Throughput throughput({.flops_a_token = 6e6, .peak_flops = 1e9});
  throughput.start(kStart);
  throughput.step(1000, kStart + seconds(20));
  EXPECT_DOUBLE_EQ(*throughput.flops_per_second(), 3e8);
  EXPECT_DOUBLE_EQ(*throughput.mfu(), 0.3);
}

// Measured on a busy machine as 1e9 FLOP/s; the steps have 6e9, 3e9 and 1.5e9.
TEST(Throughput, RaisesAPeakThatStepsBeat) {
  Throughput throughput({.window_steps = 1, .flops_a_token = 6e6, .peak_flops = 1e9});
  throughput.start(kStart);
  throughput.step(1000, kStart + seconds(1));
  EXPECT_DOUBLE_EQ(*throughput.flops_per_second(), 6e9);
  EXPECT_EQ(throughput.mfu(), 1.0);
  throughput.step(500, kStart + seconds(2));
  EXPECT_DOUBLE_EQ(*throughput.mfu(), 0.5);
  throughput.step(1000, kStart + seconds(6));
  EXPECT_DOUBLE_EQ(*throughput.mfu(), 0.25);
}

// By hand: 3e9 of 4e9 FLOP/s in the first second, 8e9 FLOP in the four seconds of both.
TEST(Throughput, KeepsAPeakThatStepsDoNotBeat) {
  Throughput throughput({.flops_a_token = 1e6, .peak_flops = 4e9});
  throughput.start(kStart);
  throughput.step(3000, kStart + seconds(1));
  EXPECT_DOUBLE_EQ(*throughput.mfu(), 0.75);
  throughput.step(5000, kStart + seconds(4));
  EXPECT_DOUBLE_EQ(*throughput.mfu(), 0.5);
}

TEST(Throughput, DoesNotGuess) {
  Throughput throughput({.flops_a_token = 6e6});
  EXPECT_EQ(throughput.tokens_per_second(), std::nullopt);
  EXPECT_EQ(throughput.seconds_left(5), std::nullopt);
  throughput.start(kStart);
  throughput.step(10, kStart);
  EXPECT_EQ(throughput.tokens_per_second(), std::nullopt);  // no time passed
  throughput.step(10, kStart + seconds(1));
  EXPECT_EQ(throughput.mfu(), std::nullopt);  // no peak was measured
}

}  // namespace
}  // namespace llmtrain
