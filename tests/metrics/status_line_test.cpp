#include "lib/metrics/status_line.h"

#include <limits>

#include <gmock/gmock.h>

namespace llmtrain {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

StepStatus usual() {
  return {.step = 1200,
          .total_steps = 5000,
          .loss = 2.9144,
          .validation = 2.98,
          .lr = 3e-4,
          .grad_norm = 0.812,
          .tokens_per_second = 12412.0,
          .mfu = 0.384,
          .memory_bytes = kGiB * 51 / 10,
          .memory_total = 24 * kGiB,
          .seconds_left = 2470.0};
}

TEST(StatusLine, SaysHowTrainingGoes) {
  EXPECT_EQ(status_line(usual(), {.trend = "▇▆▅▄▃"}),
            "step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | lr 3.0e-4 | gnorm 0.81 | 12.4k tok/s | MFU 38% | "
            "mem 5.1/24 GiB | eta 00:41:10");
}

TEST(StatusLine, NamesTheStageAndWhatTheGuardLeftOut) {
  auto status = usual();
  status.skipped = 2;
  const auto line = status_line(status, {.label = "pretrain"});
  EXPECT_TRUE(line.starts_with("pretrain step 1200/5000 24% | ")) << line;
  EXPECT_TRUE(line.ends_with(" | skipped 2")) << line;
}

TEST(StatusLine, DoesNotInventWhatIsUnknown) {
  EXPECT_EQ(status_line({.step = 7, .loss = 1.0}, {}),
            "step 7 | loss 1.000 | lr 0.0e0 | gnorm 0.00 | - tok/s | MFU - | eta -");
}

TEST(StatusLine, IsNotRoundedUpToTheEnd) {
  EXPECT_THAT(status_line({.step = 4999, .total_steps = 5000}, {}), HasSubstr("4999/5000 99%"));
  EXPECT_THAT(status_line({.step = 5000, .total_steps = 5000}, {}), HasSubstr("5000/5000 100%"));
}

TEST(StatusLine, ShowsNumbersFarFromOne) {
  StepStatus status = usual();
  status.loss = std::numeric_limits<double>::quiet_NaN();
  status.grad_norm = 123456789.0;
  status.lr = 2.5e-12;
  status.seconds_left = 100.0 * 3600.0;
  const auto line = status_line(status, {});
  EXPECT_THAT(line, HasSubstr("loss nan |"));
  EXPECT_THAT(line, HasSubstr("gnorm 1.23e+08 |"));
  EXPECT_THAT(line, HasSubstr("lr 2.5e-12 |"));
  EXPECT_THAT(line, HasSubstr("eta 100:00:00"));
}

// The widths are counted by hand; a block of the sparkline is three bytes and one column, and the step may grow by one
// ("100%"): whole it takes 131 columns. On the usual 80 and on 40 columns what a user looks for first is there.
TEST(StatusLine, LeavesOutWhatMattersLeast) {
  const auto fitted = [](std::size_t columns) { return status_line(usual(), {.trend = "▇▆▅▄▃", .columns = columns}); };
  const std::string whole = fitted(0);
  EXPECT_EQ(fitted(131), whole);
  EXPECT_EQ(fitted(130),
            "step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | lr 3.0e-4 | gnorm 0.81 | 12.4k tok/s | MFU 38% | "
            "eta 00:41:10");
  EXPECT_EQ(fitted(103), "step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | lr 3.0e-4 | 12.4k tok/s | eta 00:41:10");
  EXPECT_EQ(fitted(90), "step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | lr 3.0e-4 | 12.4k tok/s | eta 41:10");
  EXPECT_EQ(fitted(79), "step 1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | 12.4k tok/s | eta 41:10");
  EXPECT_EQ(fitted(75), "1200/5000 24% | loss 2.914 ▇▆▅▄▃ | val 2.980 | 12.4k tok/s | eta 41:10");
  EXPECT_EQ(fitted(70), "1200/5000 24% | loss 2.914 | val 2.980 | 12.4k tok/s | eta 41:10");
  EXPECT_EQ(fitted(64), "1200/5000 24% | loss 2.914 | val 2.980 | eta 41:10");
  EXPECT_EQ(fitted(39), "1200/5000 24% | loss 2.914 | eta 41:10");
  EXPECT_EQ(fitted(27), "1200/5000 24% | loss 2.914");
  EXPECT_EQ(fitted(26), "1200/5000 24%");
  EXPECT_EQ(fitted(9), "1200/5000");
}

TEST(StatusLine, LeavesTheLabelOutBeforeNumbersThatAreLookedAt) {
  const auto fitted = [](std::size_t columns) { return status_line(usual(), {.label = "sft", .columns = columns}); };
  EXPECT_THAT(fitted(112), testing::StartsWith("sft step 1200/5000 24% | loss"));
  EXPECT_THAT(fitted(111), testing::AllOf(testing::StartsWith("step 1200/5000 24% | loss"), HasSubstr("MFU 38%")));
}

TEST(StatusLine, KeepsHoursInBrief) {
  auto status = usual();
  status.seconds_left = 3600.0;
  EXPECT_EQ(status_line(status, {.columns = 45}), "1200/5000 24% | loss 2.914 | eta 01:00:00");
}

// Else fields would come and go while the numbers grow.
TEST(StatusLine, SetsAsideWhatNumbersMayGrowTo) {
  const auto shown = [](std::int64_t step, std::string_view trend) {
    auto status = usual();
    status.step = step;
    const auto line = status_line(status, {.trend = trend, .trend_columns = 8, .columns = 86});
    std::string names;
    for (const char* name : {"step", "▄", "val", "lr", "tok/s"}) names += line.find(name) < line.size() ? "1" : "0";
    return names;
  };
  EXPECT_EQ(shown(1, "▄"), "11101");
  EXPECT_EQ(shown(5000, "▄▄▄▄▄▄▄▄"), "11101");
}

TEST(StatusRecord, LeavesAbsentFieldsOut) {
  EXPECT_EQ(to_json(status_record({.step = 1, .loss = 2.5, .lr = 1e-3, .grad_norm = 0.5})),
            R"({"step":1,"loss":2.5,"lr":0.001,"grad_norm":0.5,"skipped":0})");
  EXPECT_THAT(to_json(status_record(usual())),
              HasSubstr(R"("tokens_per_second":12412.0,"mfu":0.384,"memory_bytes":5476083302,)"));
}

}  // namespace
}  // namespace llmtrain
