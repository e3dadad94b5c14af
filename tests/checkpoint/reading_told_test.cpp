#include <numeric>

#include <gmock/gmock.h>

#include "tests/checkpoint/sample_checkpoint.h"

namespace llmtrain {
namespace {

TEST(CheckpointReading, IsToldOfEveryByteOfItsFiles) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 3);
  std::vector<std::uint64_t> told;
  const CheckpointReader reader(path, [&](std::uint64_t bytes) { told.push_back(bytes); });
  std::uint64_t size = 0;
  for (const auto& file : reader.manifest().files) size += std::filesystem::file_size(path / file.name);
  EXPECT_EQ(std::accumulate(told.begin(), told.end(), std::uint64_t{0}), size);
}

// A stop is no damage: nothing older is fallen back to.
TEST(CheckpointReading, EndsWithAStopWhereItIsAskedTo) {
  const TempDir folder;
  for (const auto step : {1, 2}) save_sample(folder.path(), step);
  int looks = 0;
  const BytesRead stop = [&](std::uint64_t) {
    ++looks;
    throw stopped_error("stopped");
  };
  EXPECT_EQ(error_of(ExitCode::kRequeue, [&] { newest_valid(folder.path(), Log(LogLevel::kQuiet), stop); }), "stopped");
  EXPECT_EQ(error_of(ExitCode::kRequeue, [&] { CheckpointReader(folder / "step-2", stop); }), "stopped");
  EXPECT_EQ(error_of(ExitCode::kRequeue, [&] { why_damaged(folder / "step-2", stop); }), "stopped");
  EXPECT_EQ(looks, 3);
}

}  // namespace
}  // namespace llmtrain
