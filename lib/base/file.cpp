#include "lib/base/file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kWriteBuffer = std::size_t{1} << 20;

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * std::int64_t{1000000000} + time.tv_nsec; }

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<std::uint64_t>(status.st_size),
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim)};
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a named pipe";
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "not a regular file";
}

Error not_a_file(const fs::path& path, mode_t mode) {
  return input_error("{}: not a regular file: expected a file, got {}", path.string(), kind_of(mode));
}

void write_all(int fd, std::span<const std::byte> bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw storage_error("{}: cannot write: {}", path.string(), system_message(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void sync_directory(const fs::path& directory) {
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) {
    throw storage_error("{}: cannot sync the folder: {}", directory.string(), system_message(errno));
  }
}

fs::path parent_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

}  // namespace

std::string system_message(int error_number) { return std::generic_category().message(error_number); }

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() { close(); }

int FileDescriptor::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 ? 0 : ::close(fd);
}

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  // O_NONBLOCK: opening a FIFO without a writer must not hang; it changes nothing for a regular file.
  fd_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (fd_.get() < 0) {
    const int error_number = errno;
    const bool is_socket = ::stat(path_.c_str(), &status) == 0 && S_ISSOCK(status.st_mode);  // cannot be opened at all
    if (is_socket) throw not_a_file(path_, status.st_mode);
    throw input_error("{}: cannot open: {}", path_.string(), system_message(error_number));
  }
  if (::fstat(fd_.get(), &status) != 0) {
    throw input_error("{}: cannot open: {}", path_.string(), system_message(errno));
  }
  if (!S_ISREG(status.st_mode)) throw not_a_file(path_, status.st_mode);
  identity_ = identity_of(status);
}

FileIdentity InputFile::identity_now() const {
  struct stat status {};
  ENSURE(::fstat(fd_.get(), &status) == 0, path_.string(), errno);
  return identity_of(status);
}

std::size_t InputFile::read_some(void* buffer, std::size_t bytes, std::uint64_t offset) const {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(fd_.get(), static_cast<char*>(buffer) + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw input_error("{}: byte {}: cannot read: {}", path_.string(), offset + done, system_message(errno));
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void InputFile::read_exact(void* buffer, std::size_t bytes, std::uint64_t offset) const {
  const std::size_t got = read_some(buffer, bytes, offset);
  if (got < bytes) {
    throw input_error(
        "{}: byte {}: the file ends here, expected {} more bytes; was it cut short or changed while read?",
        path_.string(), offset + got, bytes - got);
  }
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (fs::is_symlink(path_, ignored)) {
    throw storage_error("{}: a symbolic link, expected a file of our own or none; remove it", path_.string());
  }
  temporary_ = parent_of(path_) / fmt::format(".{}.tmp-{}", path_.filename().string(), ::getpid());
  ::unlink(temporary_.c_str());  // left by a killed process that had our number
  fd_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (fd_.get() < 0) throw storage_error("{}: cannot create: {}", path_.string(), system_message(errno));
}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kWriteBuffer) flush();
  if (bytes.size() > kWriteBuffer) {
    write_all(fd_.get(), bytes, path_);
    flushed_ += bytes.size();
  } else {
    buffer_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
}

void AtomicFile::write_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  ENSURE(offset + bytes.size() <= size(), offset, bytes.size(), size());
  flush();
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw storage_error("{}: cannot write: {}", path_.string(), system_message(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::flush() {
  write_all(fd_.get(), std::as_bytes(std::span(buffer_.data(), buffer_.size())), path_);
  flushed_ += buffer_.size();
  buffer_.clear();
}

void AtomicFile::commit() {
  ENSURE(!committed_, path_.string());
  flush();
  if (::fsync(fd_.get()) != 0) throw storage_error("{}: cannot sync: {}", path_.string(), system_message(errno));
  if (fd_.close() != 0) throw storage_error("{}: cannot close: {}", path_.string(), system_message(errno));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    throw storage_error("{}: cannot put in place: {}", path_.string(), system_message(errno));
  }
  committed_ = true;
  sync_directory(parent_of(path_));
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  const InputFile file(path);
  if (file.size() > max_bytes) {
    throw input_error("{}: too large: expected at most {} bytes, got {}", path.string(), max_bytes, file.size());
  }
  std::string text(file.size(), '\0');
  file.read_exact(text.data(), text.size(), 0);
  return text;
}

void write_file(const fs::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

void make_directory(const fs::path& path) {
  if (path.empty()) return;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return;
  make_directory(path.parent_path());
  if (::mkdir(path.c_str(), 0700) != 0 && !(errno == EEXIST && fs::is_directory(path, ignored))) {
    throw storage_error("{}: cannot make the folder: {}", path.string(), system_message(errno));
  }
}

std::uint64_t free_bytes(const fs::path& path) {
  std::error_code ignored;
  fs::path existing = fs::absolute(path);
  while (!fs::exists(existing, ignored) && existing.has_relative_path()) existing = existing.parent_path();
  struct statvfs status {};
  if (::statvfs(existing.c_str(), &status) != 0) {
    throw storage_error("{}: cannot ask for free space: {}", existing.string(), system_message(errno));
  }
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace llmtrain
