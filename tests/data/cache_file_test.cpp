#include "lib/data/cache_file.h"

#include <array>
#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "lib/base/digest.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array<std::uint32_t, 3> kNumbers = {7, 8, 0xFFFFFFFF};

std::uint64_t write_small(const fs::path& path) {
  CacheFileWriter writer(path, "TEST");
  writer.append(std::as_bytes(std::span("odd", 3)));
  const std::uint64_t offset = writer.begin_array();
  writer.append(std::as_bytes(std::span(kNumbers)));
  writer.commit("{\"a\": 1}");
  return offset;
}

TEST(CacheFile, GivesBackArraysAndInfo) {
  const TempDir folder;
  const auto offset = write_small(folder / "f");
  const CacheFile file(folder / "f", "TEST");
  EXPECT_EQ(file.info(), "{\"a\": 1}");
  EXPECT_THAT(file.array<std::uint32_t>(offset, 3), ElementsAre(7, 8, 0xFFFFFFFF));
  EXPECT_TRUE(verify_cache_file(file));
}

// The digest covers all bytes before its own 64 digits and the 8 of the end mark.
TEST(CacheFile, EndsWithTheDigestOfAllBefore) {
  const TempDir folder;
  write_small(folder / "f");
  const std::string bytes = slurp(folder / "f");
  const std::string digest = sha256_hex(bytes.substr(0, bytes.size() - 72));
  EXPECT_EQ(bytes.substr(bytes.size() - 72, 64), digest);
  EXPECT_EQ(CacheFile(folder / "f", "TEST").sha256(), digest);
}

TEST(CacheFile, IsNotThereWithoutCommit) {
  const TempDir folder;
  {
    CacheFileWriter writer(folder / "f", "TEST");
    writer.append(std::as_bytes(std::span(kNumbers)));
  }
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(CacheFile, RefusesEveryTruncation) {
  const TempDir folder;
  write_small(folder / "whole");
  const std::string bytes = slurp(folder / "whole");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto path = folder.write("cut", bytes.substr(0, length));
    EXPECT_THAT(error_of(ExitCode::kStorage, [&] { CacheFile(path, "TEST"); }), HasSubstr("cut: not a whole file"))
        << length;
  }
}

TEST(CacheFile, RefusesAFileThatLostOrGotAPartInTheMiddle) {
  const TempDir folder;
  write_small(folder / "whole");
  const std::string bytes = slurp(folder / "whole");
  const auto lost = folder.write("lost", bytes.substr(0, 70) + bytes.substr(70 + 64));
  const auto got = folder.write("got", bytes.substr(0, 70) + std::string(64, 'x') + bytes.substr(70));
  for (const auto& path : {lost, got}) {
    EXPECT_THAT(error_of(ExitCode::kStorage, [&] { CacheFile(path, "TEST"); }), HasSubstr("another length")) << path;
  }
}

TEST(CacheFile, NoticesEveryFlippedByte) {
  const TempDir folder;
  write_small(folder / "whole");
  const std::string bytes = slurp(folder / "whole");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 4);
    const auto path = folder.write("flipped", flipped);
    bool noticed = false;
    try {
      noticed = !verify_cache_file(CacheFile(path, "TEST"));
    } catch (const Error& error) {
      noticed = error.code() == ExitCode::kStorage;
    }
    EXPECT_TRUE(noticed) << "byte " << at;
  }
}

TEST(CacheFile, RefusesAnotherKindAndALink) {
  const TempDir folder;
  write_small(folder / "f");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { CacheFile(folder / "f", "ROWS"); }), HasSubstr("another kind"));
  fs::create_symlink(folder / "f", folder / "link");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { CacheFile(folder / "link", "TEST"); }), HasSubstr("a symbolic link"));
}

TEST(CacheFile, RefusesAnArrayBeyondTheEnd) {
  const TempDir folder;
  const auto offset = write_small(folder / "f");
  const CacheFile file(folder / "f", "TEST");
  const auto beyond = [&](std::uint64_t at, std::uint64_t count) {
    return error_of(ExitCode::kStorage, [&] { file.array<std::uint32_t>(at, count); });
  };
  EXPECT_THAT(beyond(offset, file.size()), HasSubstr("an array lies beyond its end"));
  EXPECT_THAT(beyond(offset, ~std::uint64_t{0} / 4 + 1), HasSubstr("beyond"));
  EXPECT_THAT(beyond(offset + 64 * file.size(), 0), HasSubstr("beyond"));
  EXPECT_THAT(beyond(offset + 4, 1), HasSubstr("beyond"));
}

TEST(CacheFile, IsPrivateWhateverTheUmask) {
  const TempDir folder;
  const mode_t old = ::umask(0);
  write_small(folder / "f");
  ::umask(old);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace llmtrain
