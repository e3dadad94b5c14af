#include "lib/metrics/metrics_log.h"

#include <limits>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/metrics/fault_double.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr const char* kSchemaLine = "{\"schema\":1,\"t\":10.5}\n";

double half_past_ten() { return 10.5; }

class MetricsLogTest : public testing::Test {
 protected:
  MetricsLog open() {
    return {path_, Log(LogLevel::kNormal, [this](LogKind, std::string_view text) { said_.emplace_back(text); }),
            half_past_ten};
  }
  void truncate(std::string_view bytes, std::int64_t step) {
    folder_.write("metrics.jsonl", bytes);
    MetricsLog::truncate_after(path_, step);
  }

  TempDir folder_;
  std::filesystem::path path_ = folder_ / "metrics.jsonl";
  std::vector<std::string> said_;
};

TEST(MetricRecord, WritesEveryKindOfValue) {
  EXPECT_EQ(to_json({{"step", 3}, {"loss", 2.5}, {"split", "train"}, {"done", true}}),
            R"({"step":3,"loss":2.5,"split":"train","done":true})");
  EXPECT_EQ(to_json({}), "{}");
}

TEST(MetricRecord, KeepsADoubleADouble) {
  EXPECT_EQ(to_json({{"a", 2.0}, {"b", 0.1}, {"c", 1e-7}, {"d", 1e20}, {"e", -0.0}}),
            R"({"a":2.0,"b":0.1,"c":1e-07,"d":1e+20,"e":-0.0})");
}

TEST(MetricRecord, SpellsWhatJsonHasNoNumberFor) {
  EXPECT_EQ(to_json({{"a", kNaN}, {"b", kInfinity}, {"c", -kInfinity}}), R"({"a":"nan","b":"inf","c":"-inf"})");
}

TEST(MetricRecord, EscapesText) {
  EXPECT_EQ(to_json({{"a\"b", "x\ny\xff\x7f ä"}}), "{\"a\\\"b\":\"x\\ny\uFFFD\x7f ä\"}");
  EXPECT_EQ(to_json({{"a", "\x1b[2J \x7f ä"}}, true), R"({"a":"\u001b[2J \u007f \u00e4"})");
}

TEST_F(MetricsLogTest, BeginsWithItsSchema) {
  auto log = open();
  log.write({{"step", 1}, {"loss", 2.5}});
  log.write({{"step", 2}, {"split", "validation"}});
  EXPECT_EQ(slurp(path_), std::string(kSchemaLine) +
                              "{\"t\":10.5,\"step\":1,\"loss\":2.5}\n"
                              "{\"t\":10.5,\"step\":2,\"split\":\"validation\"}\n");
}

TEST_F(MetricsLogTest, GoesOnAfterWholeLinesOnly) {
  folder_.write("metrics.jsonl", std::string(kSchemaLine) + "{\"t\":1.0,\"step\":1}\n{\"t\":1.0,\"st");
  open().write({{"step", 2}});
  EXPECT_EQ(slurp(path_), std::string(kSchemaLine) + "{\"t\":1.0,\"step\":1}\n{\"t\":10.5,\"step\":2}\n");
}

TEST_F(MetricsLogTest, MarksWhatAFullDiskLost) {
  auto log = open();
  log.write({{"step", 1}});
  {
    const FullDisk full(slurp(path_).size() + 5);
    for (const int step : {2, 3, 4}) log.write({{"step", step}});
  }
  log.write({{"step", 5}});
  log.write({{"step", 6}});
  EXPECT_EQ(slurp(path_), std::string(kSchemaLine) +
                              "{\"t\":10.5,\"step\":1}\n"
                              "{\"t\":10.5,\"event\":\"gap\",\"lost\":3}\n"
                              "{\"t\":10.5,\"step\":5}\n{\"t\":10.5,\"step\":6}\n");
  EXPECT_THAT(said_, ElementsAre(HasSubstr("metrics.jsonl: cannot write: File too large")));
}

// Room for the mark of the gap, but not for the line behind it.
TEST_F(MetricsLogTest, CountsOnWhereOnlyTheMarkOfAGapFits) {
  auto log = open();
  log.write({{"step", 1}});
  const std::size_t size = slurp(path_).size();
  {
    const FullDisk full(size + 5);
    log.write({{"step", 2}});
  }
  {
    const FullDisk full(size + 45);
    log.write({{"step", 3}});
  }
  log.write({{"step", 4}});
  EXPECT_EQ(slurp(path_).substr(size),
            "{\"t\":10.5,\"event\":\"gap\",\"lost\":1}\n"
            "{\"t\":10.5,\"event\":\"gap\",\"lost\":1}\n{\"t\":10.5,\"step\":4}\n");
}

TEST_F(MetricsLogTest, WritesItsSchemaOnceThereIsRoom) {
  auto log = open();
  {
    const FullDisk full(3);
    log.write({{"step", 1}});
  }
  log.write({{"step", 2}});
  EXPECT_EQ(slurp(path_),
            std::string(kSchemaLine) + "{\"t\":10.5,\"event\":\"gap\",\"lost\":1}\n{\"t\":10.5,\"step\":2}\n");
}

TEST_F(MetricsLogTest, DropsLaterStepsAndKeepsEveryOtherByte) {
  truncate(
      "{\"schema\":1}\n{ \"step\" : 1 }\n{\"step\":2,\"x\":\"nan\"}\n{\"event\":\"gap\",\"lost\":2}\n{\"step\":3}\n"
      "not json\n{\"step\":2,\"split\":\"validation\"}\n{\"step\":30}\n",
      2);
  EXPECT_EQ(slurp(path_),
            "{\"schema\":1}\n{ \"step\" : 1 }\n{\"step\":2,\"x\":\"nan\"}\n{\"event\":\"gap\",\"lost\":2}\n"
            "not json\n{\"step\":2,\"split\":\"validation\"}\n");
}

TEST_F(MetricsLogTest, DropsATornLastLineOnly) {
  truncate("{\"step\":1}\n{\"step\":2}", 5);
  EXPECT_EQ(slurp(path_), "{\"step\":1}\n");
  truncate(std::string("{\"step\":1}\n\0\0\0\0", 15), 5);
  EXPECT_EQ(slurp(path_), "{\"step\":1}\n");
}

TEST_F(MetricsLogTest, LeavesAFileAloneThatHasNothingToDrop) {
  folder_.write("metrics.jsonl", "{\"step\":1}\n");
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(path_.c_str(), &before), 0);
  MetricsLog::truncate_after(path_, 1);
  ASSERT_EQ(::stat(path_.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  MetricsLog::truncate_after(folder_ / "none.jsonl", 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none.jsonl"));
}

// Lines that straddle the blocks in which the file is read, and one longer than some blocks.
TEST_F(MetricsLogTest, TruncatesFilesOfManyBlocks) {
  std::string kept;
  std::string all;
  for (int step = 0; step < 100; ++step) {
    const std::string padding(step == 50 ? 3333333 : 33333, 'x');
    const std::string line = "{\"step\":" + std::to_string(step) + ",\"pad\":\"" + padding + "\"}\n";
    all += line;
    if (step <= 70) kept += line;
  }
  truncate(all, 70);
  EXPECT_TRUE(slurp(path_) == kept);
}

}  // namespace
}  // namespace llmtrain
