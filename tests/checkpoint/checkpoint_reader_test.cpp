#include "lib/checkpoint/checkpoint_reader.h"

#include <csignal>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/checkpoint/retention.h"
#include "tests/checkpoint/sample_checkpoint.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> kNames = {"manifest.json", "part0.safetensors", "part1.safetensors"};

struct Fallback {
  std::optional<std::int64_t> step;
  std::vector<std::string> warnings;
};

Fallback newest_in(const fs::path& folder) {
  Fallback found;
  const Log log(LogLevel::kQuiet, [&](LogKind kind, std::string_view text) {
    EXPECT_EQ(kind, LogKind::kWarning);
    found.warnings.emplace_back(text);
  });
  if (const auto reader = newest_valid(folder, log)) {
    EXPECT_EQ(difference_from_sample(*reader), "");
    found.step = reader->manifest().step;
  }
  return found;
}

// step-1 and step-2 whole, each fault planted in step-2 in turn.
class DamagedCheckpoint : public testing::Test {
 protected:
  DamagedCheckpoint() {
    save_sample(folder_.path(), 1);
    path_ = save_sample(folder_.path(), 2);
    for (const auto& name : kNames) whole_.push_back(slurp(path_ / name));
  }

  void put(std::size_t file, std::string_view bytes) {
    // In place: a file system may take its time over one that is cut to nothing and written anew.
    const FileDescriptor fd(::open((path_ / kNames[file]).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::pwrite(fd.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    ASSERT_EQ(::ftruncate(fd.get(), static_cast<off_t>(bytes.size())), 0);
  }

  // The older one is taken, with a warning that names what `named` says.
  void expect_fallback(const std::string& named) const {
    const auto found = newest_in(folder_.path());
    ASSERT_EQ(found.step, 1) << named;
    ASSERT_EQ(found.warnings.size(), 1U);
    ASSERT_THAT(found.warnings[0], HasSubstr(named));
    ASSERT_TRUE(found.warnings[0].ends_with("; falling back to step-1")) << found.warnings[0];
  }

  TempDir folder_;
  fs::path path_;
  std::vector<std::string> whole_;
};

TEST_F(DamagedCheckpoint, IsNotWarnedOfWhileItIsWhole) {
  const auto found = newest_in(folder_.path());
  EXPECT_EQ(found.step, 2);
  EXPECT_THAT(found.warnings, testing::IsEmpty());
  EXPECT_EQ(why_damaged(path_), std::nullopt);
}

TEST_F(DamagedCheckpoint, IsFoundTruncatedAtAnyLength) {
  RandomStream random(1, "truncation");
  for (int i = 0; i < 1000; ++i) {
    const auto file = static_cast<std::size_t>(i % 3);
    const auto size = i < 3 ? 0 : i < 6 ? whole_[file].size() - 1 : random.below(whole_[file].size());
    put(file, std::string_view(whole_[file]).substr(0, size));
    expect_fallback((path_ / kNames[file]).string() + (file == 0 ? ": damaged" : ": expected "));
    if (HasFatalFailure()) FAIL() << kNames[file] << " of " << size << " bytes";
    put(file, whole_[file]);
  }
}

TEST_F(DamagedCheckpoint, IsFoundByOneFlippedBitAnywhere) {
  std::size_t all = 0;
  for (const auto& bytes : whole_) all += bytes.size();
  RandomStream random(2, "flips");
  for (int i = 0; i < 10000; ++i) {
    auto at = random.below(all);
    std::size_t file = 0;
    while (at >= whole_[file].size()) at -= whole_[file++].size();
    auto bytes = whole_[file];
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
    put(file, bytes);
    expect_fallback((path_ / kNames[file]).string() + ": damaged, its SHA-256 does not fit");
    if (HasFatalFailure()) FAIL() << kNames[file] << ", byte " << at;
    put(file, whole_[file]);
  }
}

TEST_F(DamagedCheckpoint, IsFoundByAMissingFile) {
  for (std::size_t file = 0; file < kNames.size(); ++file) {
    fs::remove(path_ / kNames[file]);
    expect_fallback((path_ / kNames[file]).string() + ": cannot open: No such file or directory");
    put(file, whole_[file]);
  }
}

TEST_F(DamagedCheckpoint, IsFoundByAFileMoreOrLonger) {
  folder_.write("step-2/part2.safetensors", "");
  expect_fallback((path_ / "part2.safetensors").string() + ": does not belong to the checkpoint");
  fs::remove(path_ / "part2.safetensors");
  put(1, whole_[1] + "x");
  expect_fallback(fmt::format("part0.safetensors: expected {} bytes, got {}", whole_[1].size(), whole_[1].size() + 1));
}

TEST_F(DamagedCheckpoint, IsFoundByAFileOfAnotherStep) {
  for (const std::size_t file : {1, 2}) {
    put(file, slurp(folder_ / ("step-1/" + kNames[file])));
    expect_fallback((path_ / kNames[file]).string() + ": damaged");
    put(file, whole_[file]);
  }
}

TEST_F(DamagedCheckpoint, IsFoundByTheManifestOfAnotherStep) {
  put(0, slurp(folder_ / "step-1/manifest.json"));
  expect_fallback(path_.string() + ": its manifest is of step-1");
}

TEST_F(DamagedCheckpoint, IsFoundAsAFolderUnderAnotherName) {
  fs::rename(path_, folder_ / "step-20");
  expect_fallback((folder_ / "step-20").string() + ": its manifest is of step-2");
}

TEST_F(DamagedCheckpoint, IsFoundByFilesSwappedAmongThemselves) {
  put(1, whole_[2]);
  put(2, whole_[1]);
  expect_fallback((path_ / "part0.safetensors").string());
}

TEST_F(DamagedCheckpoint, IsFoundByAPipeOrAFolderInPlaceOfAFile) {
  fs::remove(path_ / kNames[1]);
  ASSERT_EQ(::mkfifo((path_ / kNames[1]).c_str(), 0600), 0);
  expect_fallback("part0.safetensors: not a regular file: expected a file, got a named pipe");
  fs::remove(path_ / kNames[1]);
  fs::create_directory(path_ / kNames[1]);
  expect_fallback("part0.safetensors: not a regular file: expected a file, got a directory");
}

TEST_F(DamagedCheckpoint, IsNamedWithItsReasonWhereNoneIsWhole) {
  put(0, "");
  fs::resize_file(folder_ / "step-1/part1.safetensors", 5);
  const auto message = error_of(ExitCode::kResumeRefused, [&] { newest_in(folder_.path()); });
  EXPECT_THAT(message, HasSubstr((path_ / "manifest.json").string() + ": damaged"));
  EXPECT_THAT(message, HasSubstr("step-1/part1.safetensors: expected "));
  EXPECT_THAT(message, HasSubstr("\n" + folder_.path().string() + ": no checkpoint is whole; restore one, or"));
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 2);
}

TEST(NewestValid, IsNothingWhereThereIsNone) {
  const TempDir folder;
  EXPECT_EQ(newest_in(folder.path()).step, std::nullopt);
  EXPECT_EQ(newest_in(folder / "none").step, std::nullopt);
}

TEST(NewestValid, DoesNotTakeAFolderThatCannotBeReadForAFreshStart) {
  const TempDir folder;
  const auto file = folder.write("file", "");
  EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { newest_in(file); }), HasSubstr("cannot read the folder"));
}

TEST(CheckpointReader, SaysWhatIsNotThereOrOfAnotherSize) {
  const TempDir folder;
  const CheckpointReader reader(save_sample(folder.path(), 1));
  std::vector<std::byte> out(140);
  const auto refusal = [&](const char* file, const char* tensor) {
    return error_of(ExitCode::kResumeRefused, [&] { reader.read(file, tensor, out); });
  };
  EXPECT_THAT(refusal("part1.safetensors", "embed.weight"), HasSubstr("part1.safetensors: no tensor 'embed.weight'"));
  EXPECT_THAT(refusal("part2.safetensors", "embed.weight"), HasSubstr("part2.safetensors: no tensor 'embed.weight'"));
  EXPECT_THAT(refusal("part0.safetensors", "scale"), HasSubstr("scale: expected 140 bytes, got 8"));
}

TEST(CheckpointReader, FindsWhatIsDamagedAfterItWasOpened) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 1);
  const CheckpointReader reader(path);
  std::vector<std::byte> out(140);
  const auto refusal = [&] {
    return error_of(ExitCode::kResumeRefused, [&] { reader.read("part0.safetensors", "embed.weight", out); });
  };
  const auto offset = reader.manifest().files[0].tensors[0].offset;
  std::fstream(path / "part0.safetensors").seekp(static_cast<std::streamoff>(offset + 9)) << "changed";
  EXPECT_THAT(refusal(), HasSubstr(fmt::format("part0.safetensors: byte {}: embed.weight: damaged", offset)));
  fs::resize_file(path / "part0.safetensors", offset + 100);
  EXPECT_THAT(refusal(), HasSubstr(fmt::format("byte {}: the file ends here", offset + 100)));
}

TEST(CheckpointReader, ReadsToTheEndWhileItIsPruned) {
  const TempDir folder;
  const CheckpointReader reader(save_sample(folder.path(), 1));
  save_sample(folder.path(), 2);
  save_sample(folder.path(), 3);
  prune(folder.path(), 2, {});
  ASSERT_FALSE(fs::exists(reader.path()));
  EXPECT_EQ(difference_from_sample(reader), "");
}

TEST(CheckpointReader, FindsAWholeOneWhileAWriterSavesAndPrunes) {
  const TempDir folder;
  save_sample(folder.path(), 1);
  const pid_t writer = start_child([&] {
    for (std::int64_t step = 2;; ++step) {
      save_sample(folder.path(), step);
      prune(folder.path(), 2, {});
    }
    return 0;
  });
  std::int64_t last = 1;
  int reads = 0;
  while (last < 40 && !testing::Test::HasFailure()) {
    const auto found = newest_in(folder.path());
    ASSERT_TRUE(found.step);
    EXPECT_THAT(found.warnings, testing::IsEmpty());
    EXPECT_GE(*found.step, last);
    last = *found.step;
    ++reads;
  }
  ::kill(writer, SIGKILL);
  EXPECT_EQ(wait_for(writer), 128 + SIGKILL);
  EXPECT_GT(reads, 10);
}

// Each checkpoint comes and goes for good, so at times it goes between the look into the folder and the last file.
TEST(CheckpointReader, DoesNotTakeForDamagedWhatIsPrunedMeanwhile) {
  constexpr std::int64_t kLast = 80;
  const TempDir stock;
  for (std::int64_t step = 1; step <= kLast; ++step) save_sample(stock.path(), step);
  const TempDir folder;
  const pid_t writer = start_child([&] {
    for (std::int64_t step = 1; step <= kLast; ++step) {
      fs::rename(stock / checkpoint_name(step), folder / checkpoint_name(step));
      std::this_thread::sleep_for(std::chrono::microseconds(20 * step));
      fs::rename(folder / checkpoint_name(step), stock / checkpoint_name(step));
    }
    return 0;
  });
  int status = 0;
  while (::waitpid(writer, &status, WNOHANG) == 0) {
    const auto found = newest_in(folder.path());  // one of them, or none
    EXPECT_THAT(found.warnings, testing::IsEmpty());
  }
  EXPECT_EQ(status, 0);
}

TEST(CheckpointReader, GivesBackAHundredThousandTensors) {
  constexpr std::uint32_t kCount = 100'000;
  std::vector<std::uint32_t> values(kCount);
  CheckpointContent content{
      .step = 1, .run_id = "r", .facts = "{}", .files = {{.name = "a", .header = "", .tensors = {}}}};
  for (std::uint32_t i = 0; i < kCount; ++i) {
    values[i] = i;
    const std::span<const std::uint32_t> value(&values[i], i % 3 == 0 ? 0U : 1U);
    content.files[0].tensors.push_back({.name = fmt::format("layers.{}.weight", i),
                                        .dtype = "U32",
                                        .shape = {static_cast<std::int64_t>(value.size())},
                                        .bytes = std::as_bytes(value)});
  }
  const TempDir folder;
  const CheckpointReader reader(save_checkpoint(folder.path(), content));
  for (std::uint32_t i = 0; i < kCount; ++i) {
    std::uint32_t value = i;
    const auto out = std::as_writable_bytes(std::span(&value, i % 3 == 0 ? 0U : 1U));
    reader.read("a", fmt::format("layers.{}.weight", i), out);
    ASSERT_EQ(value, i);
  }
}

std::vector<ExpectedTensor> expected_of(const SampleCheckpoint& sample) {
  std::vector<ExpectedTensor> expected;
  for (const auto& file : sample.content.files) {
    for (const auto& tensor : file.tensors) expected.push_back({file.name, tensor.name, tensor.dtype, tensor.shape});
  }
  return expected;
}

TEST(CompareTensors, TakesWhatIsAsExpectedInAnyOrder) {
  const TempDir folder;
  const CheckpointReader reader(save_sample(folder.path(), 1));
  auto expected = expected_of(SampleCheckpoint(1));
  std::swap(expected.front(), expected.back());
  EXPECT_NO_THROW(compare_tensors(expected, reader));
}

TEST(CompareTensors, ListsEveryDifference) {
  const TempDir folder;
  const CheckpointReader reader(save_sample(folder.path(), 1));
  const auto path = reader.path().string();
  const std::string part0 = "part0.safetensors";
  const std::string part1 = "part1.safetensors";
  const std::vector<ExpectedTensor> expected = {{part0, "embed.weight", "F32", {7, 5}},
                                                {part0, "scale", "F32", {}},
                                                {part0, "head.weight", "F32", {2, 3}},
                                                {part1, "none", "F32", {0, 3}},
                                                {part1, "exp_avg.embed.weight", "F32", {5, 7}}};
  const auto message = error_of(ExitCode::kResumeRefused, [&] { compare_tensors(expected, reader); });
  EXPECT_EQ(message, path + ": part0.safetensors: embed.weight: expected F32 [7, 5], got F32 [5, 7]\n" + path +
                         ": part0.safetensors: scale: expected F32 [], got F64 []\n" + path +
                         ": part0.safetensors: head.weight: missing, expected F32 [2, 3]\n" + path +
                         ": part1.safetensors: none: missing, expected F32 [0, 3]\n" + path +
                         ": part0.safetensors: none: not expected\n" + path +
                         ": part1.safetensors: exp_avg_sq.embed.weight: not expected\n" + path +
                         ": 6 tensors are not those of this model");
}

TEST(CompareTensors, ShowsTheFirstTwentyAndCountsAll) {
  const TempDir folder;
  const CheckpointReader reader(save_sample(folder.path(), 1));
  auto expected = expected_of(SampleCheckpoint(1));
  for (int i = 0; i < 30; ++i) expected.push_back({"part0.safetensors", fmt::format("extra{}", i), "F32", {1}});
  const auto message = error_of(ExitCode::kResumeRefused, [&] { compare_tensors(expected, reader); });
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 20);
  EXPECT_THAT(message, HasSubstr("extra19: missing"));
  EXPECT_THAT(message, testing::Not(HasSubstr("extra20: missing")));
  EXPECT_TRUE(message.ends_with(": 30 tensors are not those of this model")) << message;
}

}  // namespace
}  // namespace llmtrain
