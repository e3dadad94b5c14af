#include "lib/metrics/meter.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Meter, GivesTheWeightedMeanSinceTheLastTake) {
  Meter meter;
  EXPECT_EQ(meter.take(), std::nullopt);
  meter.add(1.0, 3.0);
  meter.add(5.0);
  EXPECT_EQ(meter.mean(), 2.0);  // (3 + 5) / 4
  EXPECT_EQ(meter.take(), 2.0);
  EXPECT_EQ(meter.mean(), std::nullopt);
  EXPECT_EQ(meter.last, 5.0);
  meter.add(7.0);
  EXPECT_EQ(meter.take(), 7.0);
}

// By hand with decay 0.5: weights 0.5 and 0.25 of what is one short of 1, so (0.25·4 + 0.5·10) / 0.75.
TEST(Ema, IsNotDrawnToItsStart) {
  Ema ema(0.5);
  EXPECT_EQ(ema.value(), std::nullopt);
  ema.add(4.0);
  EXPECT_DOUBLE_EQ(*ema.value(), 4.0);
  ema.add(10.0);
  EXPECT_DOUBLE_EQ(*ema.value(), 8.0);
}

TEST(Trend, HalvesItsPointsAndKeepsTheirMeans) {
  Trend trend(4);
  for (const double value : {1.0, 3.0, 5.0}) trend.add(value);
  EXPECT_EQ(trend.values(), (std::vector<double>{1.0, 3.0, 5.0}));
  trend.add(7.0);
  EXPECT_EQ(trend.values(), (std::vector<double>{2.0, 6.0}));
  trend.add(9.0);  // half of the next point
  EXPECT_EQ(trend.values(), (std::vector<double>{2.0, 6.0, 9.0}));
  for (const double value : {11.0, 20.0, 20.0}) trend.add(value);
  EXPECT_EQ(trend.values(), (std::vector<double>{4.0, 15.0}));
}

TEST(Sparkline, GoesFromTheLowestToTheHighest) {
  EXPECT_EQ(sparkline({0, 1, 2, 3, 4, 5, 6, 7}, true), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(sparkline({7, 6, 5, 4, 3, 2, 1, 0}, false), "#*+=-:._");
  EXPECT_EQ(sparkline({-10, 0, 60}, true), "▁▂█");  // a seventh of the way
}

TEST(Sparkline, TakesWhatHasNoScale) {
  EXPECT_EQ(sparkline({}, true), "");
  EXPECT_EQ(sparkline({2, 2}, true), "▄▄");
  EXPECT_EQ(sparkline({1, kNaN, 2, INFINITY}, false), "_!#!");
  EXPECT_EQ(sparkline({-1e308, 1e308}, false), "_#");
}

}  // namespace
}  // namespace llmtrain
