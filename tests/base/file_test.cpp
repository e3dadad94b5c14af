#include "lib/base/file.h"

#include <cstring>
#include <fstream>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/signals.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

TEST(InputFile, ReadsByOffset) {
  const TempDir dir;
  const InputFile file(dir.write("a.bin", "0123456789"));
  char buffer[4] = {};
  file.read_exact(buffer, 3, 4);
  EXPECT_STREQ(buffer, "456");
  EXPECT_EQ(file.size(), 10U);
  EXPECT_EQ(file.read_some(buffer, 3, 8), 2U);
}

TEST(InputFile, NamesFileAndOffsetWhereItEndsEarly) {
  const TempDir dir;
  const InputFile file(dir.write("a.bin", "0123456789"));
  char buffer[8];
  const auto message = error_of(ExitCode::kInput, [&] { file.read_exact(buffer, 8, 5); });
  EXPECT_TRUE(contains(message, "a.bin: byte 10: ") && contains(message, "expected 3 more bytes")) << message;
}

TEST(InputFile, RefusesWhatIsNotARegularFile) {
  const TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_TRUE(contains(error_of(ExitCode::kInput, [&] { InputFile file(dir / "pipe"); }), "got a named pipe"));
  EXPECT_TRUE(contains(error_of(ExitCode::kInput, [&] { InputFile file(dir.path()); }), "got a directory"));
  EXPECT_TRUE(contains(error_of(ExitCode::kInput, [&] { InputFile file("/dev/zero"); }), "got a device"));
  EXPECT_TRUE(contains(error_of(ExitCode::kInput, [&] { InputFile file(dir / "none"); }), "No such file"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (dir / "socket").c_str(), sizeof(address.sun_path) - 1);
  const FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(contains(error_of(ExitCode::kInput, [&] { InputFile file(dir / "socket"); }), "got a socket"));
}

TEST(InputFile, SeesThatTheFileWasWritten) {
  const TempDir dir;
  const auto path = dir.write("a.txt", "one");
  const InputFile file(path);
  EXPECT_EQ(file.identity(), file.identity_now());
  std::ofstream(path, std::ios::app) << "two";
  EXPECT_NE(file.identity(), file.identity_now());
}

TEST(AtomicFile, AppearsOnlyOnCommit) {
  const TempDir dir;
  {
    AtomicFile file(dir / "out");
    file.write("half");
    EXPECT_FALSE(fs::exists(dir / "out"));
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
  AtomicFile file(dir / "out");
  file.write("0000 whole");
  file.write_at(std::as_bytes(std::span("1234", 4)), 0);
  file.commit();
  EXPECT_EQ(slurp(dir / "out"), "1234 whole");
}

TEST(AtomicFile, KeepsTheOldFileWhereTheNewOneFails) {
  const TempDir dir;
  dir.write("out", "old");
  {
    AtomicFile file(dir / "out");
    file.write("new");
  }
  EXPECT_EQ(slurp(dir / "out"), "old");
}

TEST(AtomicFile, TakesMoreThanItsBuffer) {
  const TempDir dir;
  std::string expected;
  AtomicFile file(dir / "out");
  for (int i = 0; i < 50; ++i) {
    const std::string piece(static_cast<std::size_t>(i) * 7919, static_cast<char>('a' + i % 26));
    expected += piece;
    file.write(piece);
    ASSERT_EQ(file.size(), expected.size());
  }
  file.commit();
  EXPECT_TRUE(slurp(dir / "out") == expected);
}

TEST(AtomicFile, IsPrivateUnderAnyUmask) {
  const TempDir dir;
  const mode_t before = ::umask(0);
  write_file(dir / "out", "x");
  make_directory(dir / "a" / "b");
  ::umask(before);
  EXPECT_EQ(mode_of(dir / "out"), 0600U);
  EXPECT_EQ(mode_of(dir / "a"), 0700U);
  EXPECT_EQ(mode_of(dir / "a" / "b"), 0700U);
}

TEST(AtomicFile, DoesNotWriteThroughAPlantedLink) {
  const TempDir dir;
  const auto victim = dir.write("victim", "precious");
  fs::create_symlink(victim, dir / "link");
  const auto message = error_of(ExitCode::kStorage, [&] { write_file(dir / "link", "new"); });
  EXPECT_TRUE(contains(message, "link: a symbolic link")) << message;
  fs::create_symlink(victim, dir / (".out.tmp-" + std::to_string(::getpid())));
  write_file(dir / "out", "new");
  EXPECT_EQ(slurp(victim), "precious");
  EXPECT_EQ(slurp(dir / "out"), "new");
  EXPECT_FALSE(fs::is_symlink(dir / "out"));
}

TEST(AtomicFile, SaysWhyItCannotCreate) {
  const auto message = error_of(ExitCode::kStorage, [] { write_file("/dev/full/x", "text"); });
  EXPECT_TRUE(contains(message, "/dev/full/x: cannot create: Not a directory")) << message;
}

// A file-size limit makes writes fail as a full disk does, at a byte of our choosing.
TEST(AtomicFile, ReportsAFailedWriteAndLeavesNothing) {
  const TempDir dir;
  const pid_t child = ::fork();
  if (child == 0) {
    install_signal_handlers();
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    try {
      write_file(dir / "out", std::string(3 << 20, 'x'));
    } catch (const Error& error) {
      const bool named = contains(error.what(), "out: cannot write: File too large");
      ::_exit(error.code() == ExitCode::kStorage && named ? 0 : 1);
    }
    ::_exit(2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(MakeDirectory, NamesWhatIsInTheWay) {
  const TempDir dir;
  const auto file = dir.write("file", "");
  const auto message = error_of(ExitCode::kStorage, [&] { make_directory(file / "below"); });
  EXPECT_TRUE(contains(message, "file: cannot make the folder: File exists")) << message;
}

TEST(ReadFile, RefusesMoreThanAsked) {
  const TempDir dir;
  const auto path = dir.write("a", "12345");
  EXPECT_EQ(read_file(path), "12345");
  const auto message = error_of(ExitCode::kInput, [&] { read_file(path, 4); });
  EXPECT_TRUE(contains(message, "expected at most 4 bytes, got 5")) << message;
}

TEST(FreeBytes, AsksTheNearestExistingParent) { EXPECT_GT(free_bytes("/no/such/folder"), 0U); }

}  // namespace
}  // namespace llmtrain
