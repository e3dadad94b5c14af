#include "lib/data/cache_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little, "cache files are little-endian and mapped as they stand");

constexpr std::array<char, 8> kMagic = {'L', 'L', 'M', 'T', 'R', 'A', 'I', 'N'};
constexpr std::size_t kKindBytes = 4;
constexpr std::size_t kDigestDigits = 64;
constexpr std::size_t kVerifyChunk = std::size_t{1} << 20;

struct Head {
  std::array<char, 8> magic{};
  std::uint32_t version = 0;
  std::array<char, kKindBytes> kind{};
  std::array<std::byte, kCacheFileAlignment - 16> unused{};
};
static_assert(sizeof(Head) == kCacheFileAlignment);

struct Tail {
  std::uint64_t info_offset = 0;
  std::uint64_t info_bytes = 0;
  std::array<char, kDigestDigits> sha256{};  // not of itself and what follows
  std::array<char, 8> magic{};
};
static_assert(sizeof(Tail) == 88);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <std::size_t N>
std::string_view text_of(const std::array<char, N>& characters) {
  return {characters.data(), characters.size()};
}

Head head_of(std::string_view kind) {
  ENSURE(kind.size() == kKindBytes, kind);
  Head head{.magic = kMagic, .version = kCacheFileVersion};
  std::ranges::copy(kind, head.kind.begin());
  return head;
}

// A link could have been planted by someone else; none of ours is one.
const fs::path& refuse_link(const fs::path& path) {
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::symlink) {
    throw storage_error("{}: a symbolic link, expected a file of the cache; remove it", path.string());
  }
  return path;
}

Error damaged(const fs::path& path, std::string_view why) {
  return storage_error("{}: not a whole file of the data cache: {}; delete it and prepare the data again",
                       path.string(), why);
}

}  // namespace

CacheFileWriter::CacheFileWriter(const fs::path& path, std::string_view kind) : file_(path) {
  const Head head = head_of(kind);
  append(bytes_of(head));
}

std::uint64_t CacheFileWriter::begin_array() {
  const std::array<std::byte, kCacheFileAlignment> zeros{};
  append(std::span(zeros).first((kCacheFileAlignment - file_.size() % kCacheFileAlignment) % kCacheFileAlignment));
  return file_.size();
}

void CacheFileWriter::append(std::span<const std::byte> bytes) {
  digest_.update(bytes);
  file_.write(bytes);
}

void CacheFileWriter::commit(std::string_view info) {
  Tail tail{.info_offset = begin_array(), .info_bytes = info.size(), .magic = kMagic};
  append(std::as_bytes(std::span(info.data(), info.size())));
  digest_.update(bytes_of(tail.info_offset));
  digest_.update(bytes_of(tail.info_bytes));
  std::ranges::copy(digest_.finish(), tail.sha256.begin());
  file_.write(bytes_of(tail));
  file_.commit();
}

CacheFile::CacheFile(const fs::path& path, std::string_view kind) : path_(path), map_(refuse_link(path)) {
  const auto bytes = map_.bytes();
  if (bytes.size() < sizeof(Head) + sizeof(Tail)) throw damaged(path, "too short");
  Tail tail;
  std::memcpy(&tail, bytes.data() + bytes.size() - sizeof(Tail), sizeof(Tail));
  const Head expected = head_of(kind);
  if (std::memcmp(bytes.data(), &expected, sizeof(Head)) != 0) throw damaged(path, "another kind or version");
  if (tail.magic != kMagic) throw damaged(path, "no end mark");
  const std::uint64_t info_end = bytes.size() - sizeof(Tail);
  if (tail.info_offset < sizeof(Head) || tail.info_offset > info_end ||
      tail.info_bytes != info_end - tail.info_offset) {
    throw damaged(path, "another length than it says");
  }
  info_ = {reinterpret_cast<const char*>(bytes.data()) + tail.info_offset, tail.info_bytes};
  sha256_ = text_of(tail.sha256);
}

std::span<const std::byte> CacheFile::range(std::uint64_t offset, std::uint64_t count, std::size_t item_bytes) const {
  const auto bytes = map_.bytes();
  if (offset % kCacheFileAlignment != 0 || offset > bytes.size() || count > (bytes.size() - offset) / item_bytes) {
    throw damaged(path_, "an array lies beyond its end");
  }
  return bytes.subspan(offset, count * item_bytes);
}

bool verify_cache_file(const CacheFile& file) {
  const InputFile input(file.path());
  if (input.size() != file.size()) return false;
  const std::uint64_t digested = input.size() - sizeof(Tail) + offsetof(Tail, sha256);
  Sha256 digest;
  std::vector<std::byte> chunk(kVerifyChunk);
  for (std::uint64_t offset = 0; offset < digested; offset += chunk.size()) {
    stop_point("checking the data cache");
    const auto part = std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), digested - offset));
    input.read_exact(part.data(), part.size(), offset);
    digest.update(part);
  }
  return digest.finish() == file.sha256();
}

}  // namespace llmtrain
