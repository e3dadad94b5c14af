#include "lib/checkpoint/save_protocol.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/crc32c.h"
#include "lib/base/digest.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/checkpoint/checkpoint_reader.h"
#include "lib/checkpoint/manifest.h"
#include "lib/checkpoint/retention.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// Hashed and written by pieces, so that each is read from memory once.
constexpr std::size_t kPiece = std::size_t{1} << 20;

[[noreturn]] void fail(const fs::path& path, const char* what) {
  throw storage_error("{}: cannot {}: {}", path.string(), what, system_message(errno));
}

void sync_folder(const fs::path& folder) {
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail(folder, "sync the folder");
}

// A new file, hashed while it is written.
class HashedFile {
 public:
  explicit HashedFile(fs::path path)
      : path_(std::move(path)),
        fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR)) {
    if (fd_.get() < 0) fail(path_, "create");
  }

  // Returns the CRC-32C of the bytes.
  std::uint32_t write(std::span<const std::byte> bytes) {
    std::uint32_t crc = 0;
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(kPiece, bytes.size()));
      crc = crc32c(piece, crc);
      sha_.update(piece);
      put(piece);
      bytes = bytes.subspan(piece.size());
    }
    return crc;
  }

  // Makes it durable; returns size and digest.
  std::pair<std::uint64_t, std::string> finish() {
    if (::fsync(fd_.get()) != 0) fail(path_, "sync");
    if (fd_.close() != 0) fail(path_, "close");
    return {size_, sha_.finish()};
  }
  std::uint64_t size() const { return size_; }

 private:
  void put(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
      if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (written < 0) fail(path_, "write");
      size_ += static_cast<std::uint64_t>(written);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  fs::path path_;
  FileDescriptor fd_;
  Sha256 sha_;
  std::uint64_t size_ = 0;
};

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

FileRecord write_file(const fs::path& folder, const CheckpointFile& content, const SaveOptions& options) {
  HashedFile file(folder / content.name);
  FileRecord record{.name = content.name, .size = 0, .sha256 = "", .tensors = {}};
  file.write(bytes_of(content.header));
  for (const auto& tensor : content.tensors) {
    const std::uint64_t offset = file.size();
    const std::uint32_t crc = file.write(tensor.bytes);
    record.tensors.push_back({.name = tensor.name,
                              .dtype = tensor.dtype,
                              .shape = tensor.shape,
                              .offset = offset,
                              .bytes = tensor.bytes.size(),
                              .crc32c = crc});
  }
  if (options.pause_per_file.count() > 0) std::this_thread::sleep_for(options.pause_per_file);
  std::tie(record.size, record.sha256) = file.finish();
  return record;
}

enum class Found { kNothing, kWhole, kDamaged };

Found look_at(const fs::path& place) {
  std::error_code fault;
  const auto kind = fs::symlink_status(place, fault).type();
  if (kind == fs::file_type::not_found) return Found::kNothing;
  if (kind == fs::file_type::none) throw storage_error("{}: cannot be looked at: {}", place.string(), fault.message());
  if (kind != fs::file_type::directory) {
    throw storage_error("{}: stands in the way, expected a folder or nothing; remove it", place.string());
  }
  return why_damaged(place) ? Found::kDamaged : Found::kWhole;
}

// One attempt, with files of its own; they are removed if it fails.
void attempt(const fs::path& temporary, const fs::path& place, const CheckpointContent& content,
             const SaveOptions& options) {
  const auto found = look_at(place);
  // A save that was killed may have left its name unsynced.
  if (found == Found::kWhole) return sync_folder(place.parent_path());
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
  bool placed = false;
  try {
    if (::mkdir(temporary.c_str(), S_IRWXU) != 0) fail(temporary, "create");
    Manifest manifest{.step = content.step, .run_id = content.run_id, .facts = content.facts, .files = {}};
    for (const auto& file : content.files) manifest.files.push_back(write_file(temporary, file, options));
    HashedFile file(temporary / kManifestName);
    file.write(bytes_of(to_json(manifest)));
    file.finish();
    sync_folder(temporary);
    if (found == Found::kDamaged) remove_checkpoint(place);
    if (::rename(temporary.c_str(), place.c_str()) != 0) fail(place, "put in place");
    placed = true;
    sync_folder(place.parent_path());
  } catch (...) {
    // What is not known to be durable is not a checkpoint, and a new attempt needs the name.
    if (placed && ::rename(place.c_str(), temporary.c_str()) != 0) throw;
    fs::remove_all(temporary, ignored);
    throw;
  }
}

}  // namespace

std::string checkpoint_name(std::int64_t step) { return fmt::format("step-{}", step); }

fs::path save_checkpoint(const fs::path& folder, const CheckpointContent& content, const SaveOptions& options) {
  ENSURE(options.attempts > 0, options.attempts);
  auto place = folder / checkpoint_name(content.step);
  const fs::path temporary = place.string() + fmt::format(".tmp-{}", ::getpid());
  std::optional<Error> first;  // the later ones may only say what it left in their way
  for (int left = options.attempts; left > 0; --left) {
    try {
      attempt(temporary, place, content, options);
      return place;
    } catch (const Error& error) {
      if (!first) first = error;
    }
  }
  throw Error(*first);
}

}  // namespace llmtrain
