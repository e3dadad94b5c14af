#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/file.h"

namespace llmtrain {

enum class Compression { kNone, kGzip, kZstd };

// What the first bytes of a file say: 1f 8b 08 is gzip (RFC 1952), 28 b5 2f fd or 5x 2a 4d 18 (a skippable frame) is
// Zstandard (RFC 8878).
Compression detect_compression(std::string_view first_bytes);

struct ExpandLimits {
  // A bomb guard: once more than kBombGrace bytes came out, at most this many bytes out for a byte in.
  double max_ratio = 1000.0;
};
inline constexpr std::uint64_t kBombGrace = std::uint64_t{64} << 20;
// Zstandard frames that ask for a larger window (zstd --long=28 and up) are refused.
inline constexpr int kMaxZstdWindowLog = 27;  // 128 MiB

// A regular file read from front to back in constant memory, expanded if it is compressed: gzip files of several
// members and Zstandard files of several frames are one stream. Errors (3) carry the file and the offset in it:
// truncated or corrupt compressed data, bytes after the last member that start no other one, a bomb, a file that
// changed or shrank since it was opened.
class ExpandedStream {
 public:
  ExpandedStream(const std::filesystem::path& path, Compression compression, ExpandLimits limits = {});
  ExpandedStream(ExpandedStream&&) noexcept;
  ~ExpandedStream();

  // Fills the buffer up to `bytes`; fewer only at the end, 0 at the end.
  std::size_t read(char* buffer, std::size_t bytes);

  const std::filesystem::path& path() const;
  const FileIdentity& identity() const;  // when opened
  std::uint64_t bytes_read() const;      // of the file itself, compressed as it is
  std::uint64_t bytes_out() const;
  // SHA-256 of the file itself, 64 hexadecimal digits; only after read() has come to the end.
  const std::string& sha256() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct FileDigest {
  std::string sha256;  // of the bytes as they stand in the file
  FileIdentity identity;
};
// Reads the whole file once. Throws input_error (3) if it changes meanwhile.
FileDigest digest_file(const std::filesystem::path& path);

}  // namespace llmtrain
