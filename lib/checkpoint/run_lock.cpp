#include "lib/checkpoint/run_lock.h"

#include <array>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

std::string holder(int fd) {
  std::array<char, 512> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  return length > 0 ? printable({text.data(), static_cast<std::size_t>(length)}, 200) : "another process";
}

std::string this_process() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("process {} on {}", ::getpid(), host.data());
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) {
  const auto path = folder / ".lock";
  fd_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (fd_.get() < 0) throw storage_error("{}: cannot open: {}", path.string(), system_message(errno));
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw storage_error("{}: cannot lock: {}", path.string(), system_message(errno));
    throw Error(ExitCode::kLocked,
                fmt::format("{}: {} runs here; wait for it, stop it, or give this run another run.name",
                            folder.string(), holder(fd_.get())));
  }
  const auto text = this_process();
  if (::ftruncate(fd_.get(), 0) != 0 || ::pwrite(fd_.get(), text.data(), text.size(), 0) < 0) {
    throw storage_error("{}: cannot write: {}", path.string(), system_message(errno));
  }
}

}  // namespace llmtrain
