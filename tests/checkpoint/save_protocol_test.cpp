#include "lib/checkpoint/save_protocol.h"

#include <atomic>
#include <climits>
#include <csignal>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/crc32c.h"
#include "lib/base/digest.h"
#include "lib/checkpoint/retention.h"
#include "tests/checkpoint/sample_checkpoint.h"
#include "tests/support/sanitizers.h"

namespace {
std::atomic<std::size_t> most_bytes_a_write = SSIZE_MAX;
}

// Stands before the C library's: a write that comes back short, as one may at any time.
extern "C" ssize_t write(int fd, const void* bytes, size_t count) {
  return ::syscall(SYS_write, fd, bytes, std::min(count, most_bytes_a_write.load()));
}

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kStorage = static_cast<int>(ExitCode::kStorage);
constexpr int kSkipped = 200;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(SaveCheckpoint, GivesBackWhatWasSaved) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 17);
  EXPECT_EQ(path, folder / "step-17");
  const CheckpointReader reader(path);
  EXPECT_EQ(reader.manifest().step, 17);
  EXPECT_EQ(difference_from_sample(reader), "");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-17"));
  EXPECT_THAT(names_in(path), ElementsAre("manifest.json", "part0.safetensors", "part1.safetensors"));
}

TEST(SaveCheckpoint, WritesHeaderAndTensorsAndSaysWhatTheyAre) {
  const TempDir folder;
  const SampleCheckpoint sample(3);
  const CheckpointReader reader(save_checkpoint(folder.path(), sample.content));
  const auto& file = sample.content.files[0];
  const auto& record = reader.manifest().files.at(0);
  EXPECT_EQ(record.name, "part0.safetensors");
  std::string expected = file.header;
  ASSERT_EQ(record.tensors.size(), file.tensors.size());
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    EXPECT_EQ(record.tensors[i].name, file.tensors[i].name);
    EXPECT_EQ(record.tensors[i].dtype, file.tensors[i].dtype);
    EXPECT_EQ(record.tensors[i].shape, file.tensors[i].shape);
    EXPECT_EQ(record.tensors[i].offset, expected.size());
    EXPECT_EQ(record.tensors[i].bytes, file.tensors[i].bytes.size());
    EXPECT_EQ(record.tensors[i].crc32c, crc32c_portable(file.tensors[i].bytes));
    expected += text_of(file.tensors[i].bytes);
  }
  EXPECT_EQ(slurp(folder / "step-3/part0.safetensors"), expected);
  EXPECT_EQ(record.size, expected.size());
  EXPECT_EQ(record.sha256, sha256_hex(expected));
}

// Longer than the pieces that are written, which are a power of two.
TEST(SaveCheckpoint, HashesATensorOfManyPiecesAsOne) {
  const TempDir folder;
  std::vector<std::byte> bytes(5'000'003);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i >> 7);
  const CheckpointContent content{
      .step = 1,
      .run_id = "r",
      .facts = "{}",
      .files = {{.name = "a",
                 .header = "h",
                 .tensors = {{.name = "t", .dtype = "U8", .shape = {5'000'003}, .bytes = bytes}}}}};
  const CheckpointReader reader(save_checkpoint(folder.path(), content));
  std::vector<std::byte> got(bytes.size());
  reader.read("a", "t", got);
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(reader.manifest().files[0].tensors[0].crc32c, crc32c_portable(bytes));
}

TEST(SaveCheckpoint, GoesOnAfterShortWrites) {
  const TempDir folder;
  for (const std::size_t most : {1, 7}) {
    most_bytes_a_write = most;
    const auto path = save_sample(folder.path(), static_cast<std::int64_t>(most));
    most_bytes_a_write = SSIZE_MAX;
    EXPECT_EQ(difference_from_sample(CheckpointReader(path)), "");
  }
}

TEST(SaveCheckpoint, IsReadableByItsOwnerOnlyWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0077U}) {
    const TempDir folder;
    const mode_t before = ::umask(mask);
    const auto path = save_sample(folder.path(), 1);
    ::umask(before);
    EXPECT_EQ(mode_of(path), 0700U);
    for (const auto& name : names_in(path)) EXPECT_EQ(mode_of(path / name), 0600U) << name;
  }
}

TEST(SaveCheckpoint, LeavesAWholeOneThatIsThere) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 4);
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat((path / "manifest.json").c_str(), &before), 0);
  SampleCheckpoint other(5);
  other.content.step = 4;
  EXPECT_EQ(save_checkpoint(folder.path(), other.content), path);
  ASSERT_EQ(::stat((path / "manifest.json").c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(faults_in(folder.path()), "");
}

TEST(SaveCheckpoint, ReplacesADamagedOne) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 4);
  fs::resize_file(path / "part1.safetensors", 10);
  folder.write("step-4/foreign/deep", "x");
  save_sample(folder.path(), 4);
  EXPECT_EQ(faults_in(folder.path()), "");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-4"));
}

TEST(SaveCheckpoint, LeavesADamagedOneWhileThereIsNoneToReplaceIt) {
  const TempDir folder;
  const auto path = save_sample(folder.path(), 4);
  fs::resize_file(path / "part1.safetensors", 10);
  EXPECT_EQ(run_child([&] {
              const rlimit limit{.rlim_cur = 20, .rlim_max = 20};
              std::signal(SIGXFSZ, SIG_IGN);
              if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
              save_sample(folder.path(), 4);
              return 0;
            }),
            kStorage);
  EXPECT_EQ(slurp(path / "manifest.json").substr(0, 2), "{\"");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-4"));
}

TEST(SaveCheckpoint, RefusesWhatIsNoFolderUnderItsName) {
  const TempDir folder;
  const auto elsewhere = save_sample(folder / ".", 2);
  fs::create_directory_symlink(elsewhere, folder / "step-3");
  folder.write("step-4", "precious");
  for (const auto step : {3, 4}) {
    EXPECT_THAT(error_of(ExitCode::kStorage, [&] { save_sample(folder.path(), step); }),
                HasSubstr(fmt::format("step-{}: stands in the way", step)));
  }
  EXPECT_EQ(slurp(folder / "step-4"), "precious");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-2", "step-3", "step-4"));
}

// What a killed process with our number left, and a link in its place.
TEST(SaveCheckpoint, TakesTheNameOfALeftoverForItself) {
  const TempDir folder;
  const auto leftover = fmt::format(".tmp-{}", ::getpid());
  folder.write("step-1" + leftover + "/part0.safetensors", "half");
  folder.write("target/kept", "precious");
  fs::create_directory_symlink(folder / "target", folder / ("step-2" + leftover));
  save_sample(folder.path(), 1);
  save_sample(folder.path(), 2);
  EXPECT_EQ(faults_in(folder.path()), "");
  EXPECT_EQ(slurp(folder / "target/kept"), "precious");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-1", "step-2", "target"));
}

TEST(SaveCheckpoint, KilledAtAnyMomentLosesNothing) {
  const TempDir folder;
  const auto acknowledged = folder / "acknowledged";
  std::int64_t seen = 0;
  const auto two_saves = time_of([&] {
    const TempDir other;
    for (const auto step : {1, 2}) save_sample(other.path(), step);
  });
  kill_again_and_again(
      {.rounds = 40, .longest = two_saves},
      [&] {
        const auto entries = list_checkpoints(folder / ".");
        const auto step = entries.empty() ? 1 : entries.front().step + 1;
        save_sample(folder / ".", step);
        std::ofstream(acknowledged, std::ios::app) << step << "\n";
      },
      [&] {
        EXPECT_EQ(faults_in(folder.path()), "");
        std::int64_t last = 0;
        std::istringstream lines(fs::exists(acknowledged) ? slurp(acknowledged) : "");
        for (std::int64_t step = 0; lines >> step;) last = step;
        const auto newest = newest_valid(folder.path(), Log(LogLevel::kQuiet));
        EXPECT_GE(newest ? newest->manifest().step : 0, last);
        seen = last;
        clean_temporary(folder.path());
        for (const auto& name : names_in(folder.path())) EXPECT_THAT(name, testing::Not(HasSubstr(".tmp-")));
      });
  EXPECT_GT(seen, 0);  // some came to their end
}

// A process in which `prepare` made saving fail; its message.
std::string message_of_failed_save(const TempDir& scratch, const fs::path& folder,
                                   const std::function<void()>& prepare) {
  const auto code = run_child(
      [&] {
        prepare();
        save_sample(folder, 2);
        return 0;
      },
      scratch / "message");
  EXPECT_EQ(code, kStorage);
  return code == kStorage ? slurp(scratch / "message") : "";
}

TEST(SaveCheckpoint, SaysThatAFileGrewTooLargeAndLeavesNothing) {
  const TempDir scratch;
  const TempDir folder;
  save_sample(folder.path(), 1);
  const auto prepare = [] {
    std::signal(SIGXFSZ, SIG_IGN);  // as the programs do
    const rlimit limit{.rlim_cur = 100, .rlim_max = 100};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(1);
  };
  EXPECT_THAT(message_of_failed_save(scratch, folder.path(), prepare),
              testing::AllOf(HasSubstr("part0.safetensors: cannot write: File too large")));
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-1"));
  EXPECT_EQ(faults_in(folder.path()), "");
}

TEST(SaveCheckpoint, SaysThatTooManyFilesAreOpen) {
  if (kSanitized) GTEST_SKIP() << kNoFaults;
  const TempDir folder;
  // Its message cannot be written to a file either.
  EXPECT_EQ(run_child([&] {
              const rlimit none{.rlim_cur = 0, .rlim_max = 0};
              if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
              try {
                save_sample(folder.path(), 2);
              } catch (const Error& error) {
                const bool named = std::string(error.what()).find("Too many open files") != std::string::npos;
                return named ? static_cast<int>(error.code()) : 1;
              }
              return 0;
            }),
            kStorage);
  clean_temporary(folder.path());
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
}

TEST(SaveCheckpoint, SaysThatTheFolderMayNotBeWritten) {
  const TempDir scratch;
  const TempDir folder;
  save_sample(folder.path(), 1);
  ASSERT_EQ(::chmod(folder.path().c_str(), 0555), 0);
  ASSERT_EQ(::chmod(scratch.path().c_str(), 0777), 0);
  const auto prepare = [] {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(1);
  };
  EXPECT_THAT(message_of_failed_save(scratch, folder.path(), prepare), HasSubstr("cannot create: Permission denied"));
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("step-1"));
}

TEST(SaveCheckpoint, SaysThatTheFolderIsGoneOrNone) {
  const TempDir folder;
  folder.write("file", "");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { save_sample(folder / "none", 1); }), HasSubstr("No such file"));
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { save_sample(folder / "file", 1); }), HasSubstr("Not a directory"));
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { save_sample(folder / std::string(300, 'x'), 1); }),
              HasSubstr("step-1: cannot be looked at: File name too long"));
}

// A small file system of its own, seen by one process alone.
TEST(SaveCheckpoint, SaysThatTheDiskIsFullAndLeavesNothing) {
  const TempDir scratch;
  const TempDir folder;
  const auto code = run_child(
      [&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
          return kSkipped;
        if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0) return kSkipped;
        save_sample(folder.path(), 1);
        folder.write("filler", std::string(45056, 'x'));
        try {
          save_sample(folder.path(), 2);
        } catch (const Error& error) {
          const std::string message = error.what();
          const bool clean = names_in(folder.path()) == std::vector<std::string>{"filler", "step-1"};
          if (message.find("No space left on device") == std::string::npos || !clean) return 1;
          if (faults_in(folder.path()) != "") return 2;
          fs::remove(folder / "filler");  // room again: the same process goes on
          save_sample(folder.path(), 2);
          return faults_in(folder.path()) == "" ? static_cast<int>(error.code()) : 3;
        }
        return 0;
      },
      scratch / "message");
  if (code == kSkipped) GTEST_SKIP() << "mounting a small file system needs root";
  EXPECT_EQ(code, kStorage);
}

}  // namespace
}  // namespace llmtrain
