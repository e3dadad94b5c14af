#include "lib/metrics/svg_chart.h"

#include <limits>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLargest = std::numeric_limits<double>::max();

std::size_t count_of(std::string_view needle, std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(needle, at)) != std::string_view::npos; at += needle.size()) ++count;
  return count;
}

TEST(NiceTicks, AreRoundNumbersApart) {
  EXPECT_THAT(nice_ticks(0, 10, 5), ElementsAre(0, 2, 4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(2.3, 10.4, 5), ElementsAre(4, 6, 8, 10));
  EXPECT_THAT(nice_ticks(0, 3e-4, 5), ElementsAre(0, DoubleEq(1e-4), DoubleEq(2e-4), DoubleEq(3e-4)));
  EXPECT_THAT(nice_ticks(-1.2, 1.2, 5), ElementsAre(-1, DoubleEq(-0.5), 0, DoubleEq(0.5), 1));
}

TEST(NiceTicks, AreNotCloserThanAsked) { EXPECT_THAT(nice_ticks(1, 3, 5, 1.0), ElementsAre(1, 2, 3)); }

TEST(NiceTicks, AreFewHoweverFarTheNumbers) {
  EXPECT_LE(nice_ticks(1e17, 1e17 + 16, 5).size(), 11U);
  EXPECT_LE(nice_ticks(-kLargest, kLargest, 5).size(), 11U);
}

TEST(NumberText, IsShort) {
  EXPECT_EQ(number_text(3e-4, 4), "0.0003");
  EXPECT_EQ(number_text(5e-5, 4), "5e-5");
  EXPECT_EQ(number_text(2.91449, 4), "2.914");
  EXPECT_EQ(number_text(-12412.4, 4), "-12,412");
  EXPECT_EQ(number_text(1.5e12, 4), "1.5e+12");
}

TEST(SvgChart, WritesAllTicksOfAnAxisAlike) {
  const auto svg = svg_chart({"accuracy", {{"a", {{0, 0.4}, {1, 0.46}}}}});
  for (const char* label : {">0.40<", ">0.42<", ">0.44<", ">0.46<"}) EXPECT_THAT(svg, HasSubstr(label));
}

// Whole numbers of thousands, so that a wide chart's last label does not run out of it.
TEST(SvgChart, WritesLongAxesShort) {
  const auto svg = svg_chart({"rate", {{"a", {{0, 0.0}, {100000, 400000.0}}}}});
  EXPECT_THAT(svg, HasSubstr("x=\"458.0\" y=\"230\">100K</text>"));
  EXPECT_THAT(svg, HasSubstr("class=\"value\" x=\"46\" y=\"14.0\">400K</text>"));
  EXPECT_THAT(svg_chart({"rate", {{"a", {{0, 0.0}, {2500000, 80000.0}}}}}),
              testing::AllOf(HasSubstr(">2.5M</text>"), HasSubstr(">80,000</text>")));
}

// From 0.59 to 2.99 thousandths: the axis goes on to 3, so that the highest values have a number beside them.
TEST(SvgChart, RoundsTheAxisOfValuesOutwards) {
  const auto svg = svg_chart({"lr", {{"a", {{0, 0.59e-3}, {1, 2.99e-3}}}}});
  EXPECT_THAT(svg, HasSubstr("y=\"218.0\">0.0005</text>"));
  EXPECT_THAT(svg, HasSubstr("y=\"14.0\">0.0030</text>"));
}

TEST(SvgChart, MarksFewPointsAndDrawsAFaintCurveInItsColour) {
  Curve curve{.name = "a", .points = {{0, 1.0}, {1, 2.0}}, .colour = 9, .faint = true};
  const auto svg = svg_chart({"loss", {curve}});
  EXPECT_EQ(count_of("<circle class=\"dot faint c1\"", svg), 2U);
  EXPECT_THAT(svg, HasSubstr("<path class=\"line faint c1\" stroke-dasharray="));
  for (int step = 2; step < 100; ++step) curve.points.push_back({step, 1.0});
  EXPECT_THAT(svg_chart({"loss", {curve}}), Not(HasSubstr("<circle")));
}

TEST(SvgChart, BeginsAtZeroWhereThatIsNear) {
  EXPECT_THAT(svg_chart({"rate", {{"a", {{0, 1.0}, {1, 10.0}}}}}), HasSubstr("y=\"218.0\">0</text>"));
  EXPECT_THAT(svg_chart({"rate", {{"a", {{0, 3.0}, {1, 10.0}}}}}),
              Not(HasSubstr("class=\"value\" x=\"46\" y=\"218.0\">0</text>")));
}

// The plot goes from 52 to 458 and, downwards, from 10 to 214 of a view box of 480 by 250.
TEST(SvgChart, PutsPointsWhereTheyBelong) {
  const auto svg = svg_chart({"loss", {{"train", {{0, 0.0}, {50, 5.0}, {100, 10.0}}}}});
  EXPECT_THAT(svg, HasSubstr("viewBox=\"0 0 480 250\""));
  EXPECT_THAT(svg, HasSubstr("d=\"M52.0 214.0L255.0 112.0L458.0 10.0\""));
  EXPECT_THAT(svg, HasSubstr("y=\"218.0\">0</text>"));
  EXPECT_THAT(svg, HasSubstr("y=\"14.0\">10</text>"));
  EXPECT_THAT(svg, HasSubstr("x=\"458.0\" y=\"230\">100</text>"));
}

TEST(SvgChart, GivesEveryCurveTheSameAxes) {
  const auto svg = svg_chart({"loss", {{"a", {{0, 0.0}, {100, 5.0}}}, {"b", {{50, 10.0}, {100, 10.0}}}}});
  EXPECT_THAT(svg, HasSubstr("class=\"line c0\" d=\"M52.0 214.0L458.0 112.0\""));
  EXPECT_THAT(svg, HasSubstr("class=\"line c1\" d=\"M255.0 10.0L458.0 10.0\""));
}

TEST(SvgChart, LeavesAGapWhereAValueIsNotFinite) {
  const auto svg = svg_chart({"loss", {{"a", {{0, 0.0}, {25, 0.0}, {50, kNaN}, {75, 10.0}, {100, 10.0}}}}});
  EXPECT_THAT(svg, HasSubstr("d=\"M52.0 214.0L153.5 214.0M356.5 10.0L458.0 10.0\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(SvgChart, ShowsALonePointAndNothingOfNone) {
  EXPECT_THAT(svg_chart({"loss", {{"a", {{5, 2.0}}}}}),
              HasSubstr("<circle class=\"dot c0\" cx=\"255.0\" cy=\"112.0\""));
  EXPECT_EQ(svg_chart({"loss", {{"a", {{5, kNaN}}}}}), "");
  EXPECT_THAT(svg_chart({"loss", {{"a", {{5, kLargest}, {6, -kLargest}}}}}), HasSubstr("M52.0 10.0L458.0 214.0"));
  EXPECT_THAT(svg_chart({"loss", {{"a", {{5, kLargest}}}}}), Not(HasSubstr("inf")));
}

// 3,200 points make 160 spots of 20: each alternates between 0 and 10, so the line lies at 5 and the band from 0 to 10.
TEST(SvgChart, ThinsALongCurveToMeansAndTheirRange) {
  Curve curve{.name = "noisy", .points = {}};
  for (int step = 0; step < 3200; ++step) curve.points.push_back({step, step % 2 == 0 ? 0.0 : 10.0});
  const auto svg = svg_chart({"loss", {curve}});
  const auto line = svg.substr(svg.find("class=\"line"));
  EXPECT_EQ(count_of(" 112.0", line.substr(0, line.find("><"))), 160U);
  const auto band = svg.substr(svg.find("class=\"band"), svg.find("class=\"line") - svg.find("class=\"band"));
  EXPECT_EQ(count_of(" 10.0", band), 160U);
  EXPECT_EQ(count_of(" 214.0", band), 160U);
}

}  // namespace
}  // namespace llmtrain
