#include "lib/metrics/tensorboard.h"

#include <limits>

#include <gmock/gmock.h>

#include "tests/metrics/fault_double.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

const std::filesystem::path kGolden =
    std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/metrics/golden/events.out.tfevents.golden";

double fixed_time() { return 1700000000.25; }

TensorboardWriter open(const TempDir& folder) { return {folder.path(), Log(LogLevel::kQuiet), fixed_time}; }

std::string written(const TempDir& folder) { return slurp(folder / TensorboardWriter::kFileName); }

// What scripts/fixtures/tensorboard_golden.py writes by TensorBoard's own protobuf classes and record writer.
void write_golden_events(TensorboardWriter& writer) {
  writer.scalar("loss/train", 1, 2.914);
  writer.scalar("loss/train", 300, std::numeric_limits<double>::quiet_NaN());
  writer.scalar("loss/train", std::int64_t{1} << 40, 0.0);
  writer.text("samples", 300, "**once** upon\na time, ä 語");
  writer.resume_after(300);
}

TEST(Tensorboard, WritesTheBytesThatTensorBoardWrites) {
  const TempDir folder;
  auto writer = open(folder);
  write_golden_events(writer);
  EXPECT_EQ(written(folder), slurp(kGolden));
}

TEST(Tensorboard, GoesOnInTheSameFile) {
  const TempDir folder;
  { open(folder).scalar("loss/train", 1, 2.914); }
  const std::string first = written(folder);
  open(folder).scalar("loss/train", 2, 2.914);
  const std::string both = written(folder);
  EXPECT_EQ(both.substr(0, first.size()), first);
  constexpr std::size_t kScalarFrame = 0x30;  // of this tag and a step below 128, counted in the golden file
  EXPECT_EQ(both.size(), first.size() + kScalarFrame);
}

TEST(Tensorboard, CutsWhatNoReaderGetsPast) {
  const std::string golden = slurp(kGolden);
  constexpr std::size_t kFirstFrame = 0x28;  // of file_version
  std::string flipped = golden;
  flipped[kFirstFrame + 0x20] ^= 1;
  for (const auto& bytes : {golden.substr(0, golden.size() - 1), golden.substr(0, 3), flipped, std::string(40, '\0'),
                            golden + std::string(64, '\xff')}) {
    const TempDir folder;
    folder.write(TensorboardWriter::kFileName, bytes);
    const auto writer = open(folder);
    const std::string left = written(folder);
    EXPECT_EQ(left, golden.substr(0, left.size()));
    const bool last_frame_only = bytes.size() == golden.size() - 1;
    const std::size_t session_frame = 0x20;
    EXPECT_EQ(left.size(), last_frame_only                ? golden.size() - session_frame
                           : bytes == flipped             ? kFirstFrame
                           : bytes.size() > golden.size() ? golden.size()
                                                          : 0U);
  }
}

TEST(Tensorboard, WritesTextThatIsNoUtf8AsText) {
  const TempDir folder;
  open(folder).text("samples", 1, "a\xff");
  EXPECT_THAT(written(folder), testing::HasSubstr("a\uFFFD"));
}

TEST(Tensorboard, LosesEventsToAFullDiskAndGoesOn) {
  const TempDir folder;
  std::vector<std::string> said;
  const Log log(LogLevel::kNormal, [&](LogKind, std::string_view text) { said.emplace_back(text); });
  TensorboardWriter writer(folder.path(), log, fixed_time);
  {
    const FullDisk full(50);
    writer.scalar("lost", 1, 1.0);
    writer.scalar("lost", 2, 1.0);
  }
  write_golden_events(writer);
  EXPECT_EQ(written(folder), slurp(kGolden));
  EXPECT_THAT(said, testing::ElementsAre(testing::HasSubstr("tfevents.llmtrain: cannot write: File too large")));
}

}  // namespace
}  // namespace llmtrain
