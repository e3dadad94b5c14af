#include "lib/base/mapped_file.h"

#include <csignal>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;

TEST(MappedFile, ShowsTheBytesAndTakesAnEmptyFile) {
  const TempDir dir;
  const MappedFile file(dir.write("a.bin", "abc"));
  ASSERT_EQ(file.bytes().size(), 3U);
  EXPECT_EQ(static_cast<char>(file.bytes()[2]), 'c');
  EXPECT_TRUE(MappedFile(dir.write("empty", "")).bytes().empty());
}

char read_byte(const std::byte* at) { return static_cast<char>(*static_cast<const volatile std::byte*>(at)); }

TEST(MappedFile, CutShortWhileItIsReadEndsWithItsName) {
  const TempDir dir;
  MappedFile other(dir.write("other.bin", std::string(3 * kPage, 'o')));
  MappedFile first(dir.write("cut.bin", std::string(3 * kPage, 'c')));
  const MappedFile moved = std::move(first);
  std::swap(other, first);
  EXPECT_EXIT(
      {
        guard_mapped_files();
        fs::resize_file(dir.path() / "cut.bin", 10);
        read_byte(&moved.bytes()[2 * kPage]);
      },
      testing::ExitedWithCode(3), "^\nllmtrain: error: .*/cut.bin: cut short while it was read; run the same command");
}

TEST(MappedFile, FaultsElsewhereAreNotItsOwn) {
  const TempDir dir;
  const auto path = dir.write("a.bin", std::string(2 * kPage, 'a'));
  EXPECT_EXIT(
      {
        guard_mapped_files();
        { const MappedFile gone(path); }
        const int fd = ::open(path.c_str(), O_RDONLY);
        void* foreign = ::mmap(nullptr, 2 * kPage, PROT_READ, MAP_SHARED, fd, 0);
        fs::resize_file(path, 0);
        read_byte(static_cast<const std::byte*>(foreign) + kPage);
      },
      testing::KilledBySignal(SIGBUS), "");
}

}  // namespace
}  // namespace llmtrain
