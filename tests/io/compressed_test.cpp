#include "lib/io/compressed.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/digest.h"
#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// What `printf 'hello\n' | gzip -n` (gzip 1.12) and `printf 'hello\n' | zstd` (zstd 1.5.4) write.
const std::string kGzipHello(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\x00\x20\x30\x3a\x36\x06\x00\x00\x00", 26);
const std::string kZstdHello("\x28\xb5\x2f\xfd\x04\x58\x31\x00\x00\x68\x65\x6c\x6c\x6f\x0a\x53\x88\xbd\x91", 19);

std::string read_all(ExpandedStream& stream, std::size_t step = 1000) {
  std::string all;
  std::string block(step, '\0');
  while (const std::size_t got = stream.read(block.data(), block.size())) all.append(block, 0, got);
  return all;
}

std::string expand(const std::filesystem::path& path, Compression compression, std::size_t step = 1000) {
  ExpandedStream stream(path, compression);
  return read_all(stream, step);
}

// Compresses badly enough that cutting it anywhere cuts data.
std::string noise(std::size_t bytes) {
  std::string text;
  std::uint64_t state = 88172645463325252ULL;
  while (text.size() < bytes) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    text += static_cast<char>('a' + state % 26);
  }
  return text;
}

TEST(DetectCompression, GoesByTheFirstBytes) {
  EXPECT_EQ(detect_compression(kGzipHello), Compression::kGzip);
  EXPECT_EQ(detect_compression(kZstdHello), Compression::kZstd);
  EXPECT_EQ(detect_compression("\x5f\x2a\x4d\x18"), Compression::kZstd);
  EXPECT_EQ(detect_compression("plain"), Compression::kNone);
  EXPECT_EQ(detect_compression("\x1f\x8b"), Compression::kNone);
  EXPECT_EQ(detect_compression(""), Compression::kNone);
}

TEST(ExpandedStream, ReadsWhatGzipAndZstdWrote) {
  const TempDir dir;
  EXPECT_EQ(expand(dir.write("a.gz", kGzipHello), Compression::kGzip), "hello\n");
  EXPECT_EQ(expand(dir.write("a.zst", kZstdHello), Compression::kZstd), "hello\n");
  EXPECT_EQ(expand(dir.write("a.txt", "hello\n"), Compression::kNone), "hello\n");
}

TEST(ExpandedStream, MembersAndFramesAreOneStream) {
  const TempDir dir;
  const std::string a = noise(300000);
  const std::string b = "\n" + noise(5000);
  const std::string skippable("\x50\x2a\x4d\x18\x03\x00\x00\x00xyz", 11);
  const auto gz = dir.write("a.gz", gzip_bytes(a) + gzip_bytes("") + gzip_bytes(b));
  const auto zst = dir.write("a.zst", skippable + zstd_bytes(a) + skippable + zstd_bytes(b) + skippable);
  for (const std::size_t step : {7UL, 4096UL, 1UL << 20U}) {
    EXPECT_EQ(expand(gz, Compression::kGzip, step), a + b);
    EXPECT_EQ(expand(zst, Compression::kZstd, step), a + b);
  }
}

TEST(ExpandedStream, ReportsBytesOfTheFileAndItsDigest) {
  const TempDir dir;
  ExpandedStream stream(dir.write("a.gz", kGzipHello), Compression::kGzip);
  EXPECT_EQ(stream.bytes_read(), 0U);
  EXPECT_EQ(read_all(stream), "hello\n");
  EXPECT_EQ(stream.bytes_read(), kGzipHello.size());
  EXPECT_EQ(stream.bytes_out(), 6U);
  EXPECT_EQ(stream.sha256(), sha256_hex(kGzipHello));
}

TEST(ExpandedStream, RefusesDataCutShortAtEveryLength) {
  const TempDir dir;
  const std::string text = noise(300);
  for (const auto& [compression, packed] :
       {std::pair{Compression::kGzip, gzip_bytes(text)}, std::pair{Compression::kZstd, zstd_bytes(text)}}) {
    for (std::size_t length = 0; length < packed.size(); ++length) {
      const auto path = dir.write("cut" + std::to_string(length), std::string_view(packed).substr(0, length));
      const auto message = error_of(ExitCode::kInput, [&] { expand(path, compression); });
      EXPECT_THAT(message, HasSubstr(": byte " + std::to_string(length) + ": the compressed data ends too early"));
    }
  }
}

TEST(ExpandedStream, RefusesEveryFlippedBitThatTheFormatGuards) {
  const TempDir dir;
  const std::string text = noise(300);
  for (const auto& [compression, packed, first] :
       {std::tuple{Compression::kGzip, gzip_bytes(text), std::size_t{10}},  // what stands before is time and system
        std::tuple{Compression::kZstd, zstd_bytes(text), std::size_t{0}}}) {
    for (std::size_t at = first; at < packed.size(); ++at) {
      std::string flipped = packed;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      const auto path = dir.write("flipped" + std::to_string(at), flipped);
      std::string out;
      try {
        out = expand(path, compression);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), ExitCode::kInput);
        EXPECT_THAT(error.what(), HasSubstr(": byte "));
        continue;
      }
      EXPECT_EQ(out, text) << "byte " << at << " changed the text unseen";
    }
  }
}

TEST(ExpandedStream, RefusesBytesAfterTheEnd) {
  const TempDir dir;
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { expand(dir.write("a.gz", kGzipHello + "tail"), Compression::kGzip); }),
              HasSubstr("a.gz: byte 26: bytes after the last gzip member"));
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { expand(dir.write("a.zst", kZstdHello + "tail"), Compression::kZstd); }),
              HasSubstr("a.zst: byte 19: bytes after the last Zstandard frame"));
}

TEST(ExpandedStream, RefusesABomb) {
  const TempDir dir;
  const std::string zeros(std::size_t{80} << 20U, '\0');
  const auto path = dir.write("bomb.zst", zstd_bytes(zeros));
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { expand(path, Compression::kZstd, 1U << 20U); }),
              AllOf(HasSubstr("bomb.zst: byte "), HasSubstr("expands too much, expected at most 1000 bytes a byte")));
  ExpandedStream allowed(path, Compression::kZstd, {.max_ratio = 1e6});
  EXPECT_EQ(read_all(allowed, 1U << 20U).size(), zeros.size());
}

TEST(ExpandedStream, LetsSmallFilesExpandFreely) {
  const TempDir dir;
  const std::string zeros(std::size_t{8} << 20U, '\0');
  EXPECT_EQ(expand(dir.write("a.zst", zstd_bytes(zeros)), Compression::kZstd, 1U << 20U), zeros);
}

TEST(ExpandedStream, RefusesAWindowBeyondTheLimit) {
  const TempDir dir;
  const auto path = dir.write("a.zst", zstd_bytes("text", kMaxZstdWindowLog + 1));
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { expand(path, Compression::kZstd); }),
              HasSubstr("window too large, expected at most 2^27 bytes; try compressing without --long"));
  EXPECT_EQ(expand(dir.write("b.zst", zstd_bytes("text", kMaxZstdWindowLog)), Compression::kZstd), "text");
}

TEST(ExpandedStream, FileThatShrinksWhileReadIsAnErrorAndNoSigbus) {
  const TempDir dir;
  const auto path = dir.write("a.txt", std::string(100000, 'x'));
  ExpandedStream stream(path, Compression::kNone);
  std::string block(1000, '\0');
  stream.read(block.data(), block.size());
  std::filesystem::resize_file(path, 5000);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_all(stream); }), HasSubstr("a.txt: byte 5000: the file ends here"));
}

TEST(ExpandedStream, FileThatChangesWhileReadIsAnError) {
  const TempDir dir;
  for (const auto& [name, compression, bytes] : {std::tuple{"a.txt", Compression::kNone, noise(1000000)},
                                                 std::tuple{"a.gz", Compression::kGzip, gzip_bytes(noise(1000000))}}) {
    const auto path = dir.write(name, bytes);
    ExpandedStream stream(path, compression);
    char byte = 0;
    stream.read(&byte, 1);
    const auto time = std::filesystem::last_write_time(path);
    dir.write(name, bytes);
    std::filesystem::last_write_time(path, time + std::chrono::seconds(1));
    EXPECT_THAT(error_of(ExitCode::kInput, [&] { read_all(stream); }), HasSubstr("the file changed while it was read"));
  }
}

TEST(ExpandedStream, TakesRegularFilesOnly) {
  const TempDir dir;
  const auto open = [](const std::filesystem::path& path) {
    return error_of(ExitCode::kInput, [&] { ExpandedStream(path, Compression::kNone); });
  };
  EXPECT_THAT(open(dir.path()), HasSubstr("not a regular file: expected a file, got a directory"));
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(open(dir / "pipe"), HasSubstr("not a regular file: expected a file, got a named pipe"));
  EXPECT_THAT(open("/dev/zero"), HasSubstr("not a regular file: expected a file, got a device"));
  EXPECT_THAT(open(dir / "none"), HasSubstr("none: cannot open: No such file or directory"));
}

TEST(DigestFile, IsSha256OfTheBytes) {
  const TempDir dir;
  // FIPS 180-4's example: SHA-256("abc").
  const auto digest = digest_file(dir.write("abc", "abc"));
  EXPECT_EQ(digest.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest.identity, InputFile(dir / "abc").identity());
  EXPECT_EQ(digest_file(dir.write("empty", "")).sha256,
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace llmtrain
