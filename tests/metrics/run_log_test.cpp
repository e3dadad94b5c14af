#include "lib/metrics/run_log.h"

#include <gmock/gmock.h>

#include "tests/metrics/fault_double.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

double noon() { return 1700000000.75; }  // date -u -d @1700000000: 2023-11-14 22:13:20

TEST(IsoUtc, IsTheTimeInGreenwich) {
  EXPECT_EQ(iso_utc(0.0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(iso_utc(1700000000.75), "2023-11-14T22:13:20Z");
  EXPECT_EQ(iso_utc(-0.5), "1969-12-31T23:59:59Z");
  EXPECT_EQ(iso_utc(951782400.0), "2000-02-29T00:00:00Z");
}

TEST(RunLog, WritesOneLineAMessage) {
  const TempDir folder;
  RunLog log(folder / "train.log", noon);
  log.line("first");
  log.line("two\nlines \x1b[2J");
  EXPECT_EQ(slurp(folder / "train.log"), "2023-11-14T22:13:20Z first\n2023-11-14T22:13:20Z two\\nlines \\x1b[2J\n");
}

TEST(RunLog, EndsATornLineOfTheRunBefore) {
  const TempDir folder;
  const auto path = folder.write("train.log", "2023-11-14T22:13:19Z to");
  RunLog(path, noon).line("next");
  RunLog(path, noon).line("last");
  EXPECT_EQ(slurp(path), "2023-11-14T22:13:19Z to\n2023-11-14T22:13:20Z next\n2023-11-14T22:13:20Z last\n");
}

TEST(RunLog, SaysOnceThatADiskIsFullAndHowMuchIsMissing) {
  const TempDir folder;
  RunLog log(folder / "train.log", noon);
  {
    const FullDisk full(10);
    log.line("lost");
    EXPECT_THAT(log.take_fault().value_or(""), testing::HasSubstr("train.log: cannot write: File too large"));
    log.line("lost as well");
    EXPECT_EQ(log.take_fault(), std::nullopt);
  }
  log.line("kept");
  EXPECT_EQ(slurp(folder / "train.log"),
            "2023-11-14T22:13:20Z 2 lines could not be written here\n2023-11-14T22:13:20Z kept\n");
}

}  // namespace
}  // namespace llmtrain
