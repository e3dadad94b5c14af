#include "lib/metrics/append_file.h"

#include <cerrno>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/metrics/fault_double.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

TEST(AppendFile, GrowsWhatIsThere) {
  const TempDir folder;
  const auto path = folder.write("log", "one\n");
  AppendFile file(path);
  EXPECT_EQ(file.size(), 4U);
  EXPECT_EQ(file.append("two\n"), 0);
  EXPECT_EQ(slurp(path), "one\ntwo\n");
}

TEST(AppendFile, IsReadableByItsOwnerOnlyWhateverTheUmask) {
  const TempDir folder;
  for (const mode_t mask : {0000U, 0077U, 0777U}) {
    const mode_t before = ::umask(mask);
    const AppendFile file(folder / std::to_string(mask));
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
  }
}

TEST(AppendFile, RefusesALinkAndWhatIsNoFile) {
  const TempDir folder;
  const auto target = folder.write("target", "precious");
  std::filesystem::create_symlink(target, folder / "link");
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { AppendFile file(folder / "link"); }), HasSubstr("link: cannot open"));
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { AppendFile file(folder / "fifo"); }), HasSubstr("not a regular file"));
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { AppendFile file(folder.path()); }), HasSubstr("cannot open"));
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { AppendFile file(folder / "no/log"); }),
              HasSubstr("No such file or directory"));
  EXPECT_EQ(slurp(target), "precious");
}

TEST(AppendFile, LeavesNothingOfARecordThatDoesNotFit) {
  const TempDir folder;
  AppendFile file(folder / "log");
  ASSERT_EQ(file.append("whole\n"), 0);
  {
    const FullDisk full(9);
    EXPECT_EQ(file.append("too long\n"), EFBIG);
    EXPECT_EQ(slurp(file.path()), "whole\n");
    EXPECT_EQ(file.append("ok\n"), 0);
  }
  EXPECT_EQ(file.append("again\n"), 0);
  EXPECT_EQ(slurp(file.path()), "whole\nok\nagain\n");
}

// Started with stderr closed, the first file opened would get its number, and warnings would land in the file.
TEST(AppendFile, IsNeverAStandardStream) {
  const TempDir folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);
    AppendFile file(folder / "log");
    const bool free = ::write(STDERR_FILENO, "!", 1) < 0 && errno == EBADF;
    ::_exit(free && file.append("line\n") == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(slurp(folder / "log"), "line\n");
}

}  // namespace
}  // namespace llmtrain
