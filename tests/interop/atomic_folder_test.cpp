#include "lib/interop/atomic_folder.h"

#include <atomic>
#include <cstdio>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "tests/interop/golden_export.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

bool is_ours(std::string_view name) { return name == "a.txt" || name == "b.txt"; }

void put(const fs::path& folder, const std::string& name, const std::string& text) {
  AtomicFolder atomic(folder, is_ours);
  write_file(atomic.temporary() / name, text);
  atomic.commit();
}

TEST(AtomicFolder, AppearsWholeWithItsParents) {
  const TempDir dir;
  const auto folder = dir / "deep/er/model";
  {
    AtomicFolder atomic(folder, is_ours);
    write_file(atomic.temporary() / "a.txt", "new");
    EXPECT_FALSE(fs::exists(folder));
    atomic.commit();
  }
  EXPECT_EQ(slurp(folder / "a.txt"), "new");
  EXPECT_THAT(names_in(folder.parent_path()), ElementsAre("model"));
  struct stat status {};
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST(AtomicFolder, ReplacesTheOldFolderWhole) {
  const TempDir dir;
  put(dir / "model", "a.txt", "old");
  put(dir / "model/", "b.txt", "new");
  EXPECT_THAT(names_in(dir / "model"), ElementsAre("b.txt"));
  EXPECT_THAT(names_in(dir.path()), ElementsAre("model"));
}

// A kill at a moment when nothing is there would leave nothing.
TEST(AtomicFolder, IsThereAtEveryMomentOfAReplacement) {
  const TempDir dir;
  fs::create_directory(dir / "one");
  fs::create_directory(dir / "two");
  if (::renameat2(AT_FDCWD, (dir / "one").c_str(), AT_FDCWD, (dir / "two").c_str(), RENAME_EXCHANGE) != 0) {
    GTEST_SKIP() << "this file system cannot exchange two folders";
  }
  put(dir / "model", "a.txt", "first");
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 50; ++i) put(dir / "model", "a.txt", std::to_string(i));
    done = true;
  });
  int checks = 0;
  int missing = 0;
  for (; !done; ++checks) missing += ::access((dir / "model/a.txt").c_str(), F_OK) == 0 ? 0 : 1;
  writer.join();
  EXPECT_EQ(missing, 0) << "of " << checks;
  EXPECT_EQ(slurp(dir / "model/a.txt"), "49");
}

TEST(AtomicFolder, LeavesTheOldFolderWhenNotCommitted) {
  const TempDir dir;
  put(dir / "model", "a.txt", "old");
  {
    AtomicFolder atomic(dir / "model", is_ours);
    write_file(atomic.temporary() / "a.txt", "new");
  }
  EXPECT_EQ(slurp(dir / "model/a.txt"), "old");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("model"));
}

TEST(AtomicFolder, RefusesToTakeThePlaceOfOtherThings) {
  const TempDir dir;
  const auto refusal = [&](const std::string& name) {
    return error_of(ExitCode::kStorage, [&] { AtomicFolder(dir / name, is_ours); });
  };
  dir.write("thesis/a.txt", "x");
  dir.write("thesis/chapter.tex", "x");
  EXPECT_THAT(refusal("thesis"),
              HasSubstr("thesis: holds 'chapter.tex', which is no file of a model and would be lost"));
  dir.write("nested/a.txt/deep.txt", "x");  // a folder with the name of a file
  EXPECT_THAT(refusal("nested"), HasSubstr("nested: holds 'a.txt'"));
  dir.write("file", "x");
  EXPECT_THAT(refusal("file"), HasSubstr("file: a file stands here, expected a folder or nothing"));
  fs::create_directory_symlink(dir / "thesis", dir / "link");
  EXPECT_THAT(refusal("link"), HasSubstr("link: a symbolic link stands here"));
  EXPECT_EQ(slurp(dir / "thesis/chapter.tex"), "x");
  EXPECT_THAT(names_in(dir.path()), ElementsAre("file", "link", "nested", "thesis"));
}

TEST(AtomicFolder, RemovesWhatKilledProcessesLeft) {
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  const auto dead = std::to_string(child);
  dir.write("model.tmp-" + dead + "/a.txt", "half");
  dir.write("model.old-" + dead + "/a.txt", "old");
  dir.write("model.tmp-1/a.txt", "of a process that lives");
  dir.write("model.tmp-x/a.txt", "not a process");
  dir.write("other.tmp-" + dead + "/a.txt", "of another folder");
  put(dir / "model", "a.txt", "new");
  EXPECT_EQ(names_in(dir.path()),
            (std::vector<std::string>{"model", "model.old-" + dead, "model.tmp-1", "model.tmp-x", "other.tmp-" + dead}))
      << "the old folder may be the only copy where there is no other";
  put(dir / "model", "a.txt", "newer");
  EXPECT_FALSE(fs::exists(dir / ("model.old-" + dead)));
}

}  // namespace
}  // namespace llmtrain
