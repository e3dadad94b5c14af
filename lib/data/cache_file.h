#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "lib/base/digest.h"
#include "lib/base/file.h"
#include "lib/base/mapped_file.h"

namespace llmtrain {

// Files of our own in the data cache: a head (magic, version, kind), arrays each from a 64-byte bound, a text that
// describes them (JSON, made and read by the kind's own code), and a tail (where the text is, SHA-256 of all before,
// magic). Little-endian. A change of layout raises kCacheFileVersion, and the old file is made anew.
inline constexpr std::uint32_t kCacheFileVersion = 1;
inline constexpr std::size_t kCacheFileAlignment = 64;

// Writes one in a single pass; it appears whole with commit() or not at all.
class CacheFileWriter {
 public:
  // kind: four characters.
  CacheFileWriter(const std::filesystem::path& path, std::string_view kind);

  // Pads to the next bound and returns it: where an array begins.
  std::uint64_t begin_array();
  void append(std::span<const std::byte> bytes);
  void commit(std::string_view info);

 private:
  AtomicFile file_;
  Sha256 digest_;
};

// Opens one read-only, mapped. Throws storage_error (5) if it is not a regular file or a symbolic link, not of this
// kind and version, or not as long as it says: the content itself is checked by verify().
class CacheFile {
 public:
  CacheFile(const std::filesystem::path& path, std::string_view kind);

  const std::filesystem::path& path() const { return path_; }
  std::string_view info() const { return info_; }
  // Of all that stands before the digest itself, as the tail says; 64 hexadecimal digits.
  const std::string& sha256() const { return sha256_; }
  // Throws storage_error if the range is not inside the arrays or not aligned.
  template <class T>
  std::span<const T> array(std::uint64_t offset, std::uint64_t count) const {
    const auto bytes = range(offset, count, sizeof(T));
    return {reinterpret_cast<const T*>(bytes.data()), count};
  }
  std::uint64_t size() const { return map_.bytes().size(); }

 private:
  std::span<const std::byte> range(std::uint64_t offset, std::uint64_t count, std::size_t item_bytes) const;

  std::filesystem::path path_;
  MappedFile map_;
  std::string_view info_;
  std::string sha256_;
};

// Reads the whole file, in constant memory, and says whether its content is what its digest says. Looks for a request
// to stop.
bool verify_cache_file(const CacheFile& file);

}  // namespace llmtrain
