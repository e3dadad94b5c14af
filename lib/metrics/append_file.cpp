#include "lib/metrics/append_file.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

constexpr int kFlags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

Error cannot_open(const std::filesystem::path& path, int error_number) {
  return storage_error("{}: cannot open for writing: {}", path.string(), system_message(error_number));
}

// Never 0, 1 or 2: where a caller started us without stderr, what is written there would land in this file.
FileDescriptor beyond_standard_streams(FileDescriptor fd) {
  if (fd.get() > STDERR_FILENO) return fd;
  return FileDescriptor(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

}  // namespace

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  FileDescriptor fd(::open(path_.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  const bool made = fd.get() >= 0;
  if (!made) {
    if (errno != EEXIST) throw cannot_open(path_, errno);
    fd = FileDescriptor(::open(path_.c_str(), kFlags));
    if (fd.get() < 0) throw cannot_open(path_, errno);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw cannot_open(path_, errno);
  if (!S_ISREG(status.st_mode))
    throw storage_error("{}: not a regular file: expected a log to append to", path_.string());
  if (made && ::fchmod(fd.get(), 0600) != 0) throw cannot_open(path_, errno);
  fd_ = beyond_standard_streams(std::move(fd));
  if (fd_.get() < 0) throw cannot_open(path_, errno);
}

std::uint64_t AppendFile::size() const {
  struct stat status {};
  ENSURE(::fstat(fd_.get(), &status) == 0, path_.string(), errno);
  return whole_.value_or(static_cast<std::uint64_t>(status.st_size));
}

int AppendFile::cut(std::uint64_t size) {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    whole_ = size;
    return errno;
  }
  whole_.reset();
  return 0;
}

int AppendFile::append(std::string_view record) {
  const std::uint64_t before = size();
  if (whole_) {
    if (const int fault = cut(before)) return fault;
  }
  while (!record.empty()) {
    const ssize_t written = ::write(fd_.get(), record.data(), record.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int fault = errno;
      cut(before);
      return fault;
    }
    record.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace llmtrain
