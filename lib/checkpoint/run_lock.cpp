#include "lib/checkpoint/run_lock.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr int kLooks = 100;
constexpr std::chrono::milliseconds kPause{2};

std::string process_on_host(pid_t process) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("process {} on {}", process, host.data());
}

std::string text_of(int fd) {
  std::array<char, 512> text{};
  const ssize_t length = ::pread(fd, text.data(), text.size(), 0);
  return {text.data(), length > 0 ? static_cast<std::size_t>(length) : 0};
}

// A process of this host that is no more.
bool is_gone(const std::string& text) {
  pid_t process = 0;
  constexpr std::string_view kBefore = "process ";
  if (!text.starts_with(kBefore)) return false;
  std::from_chars(text.data() + kBefore.size(), text.data() + text.size(), process);
  return process > 0 && text == process_on_host(process) && ::kill(process, 0) != 0 && errno == ESRCH;
}

// Who has the lock writes its name right after; until then the file is empty or names the one before.
std::string holder(int fd) {
  for (int look = 0; look < kLooks; ++look) {
    const auto text = text_of(fd);
    if (!text.empty() && !is_gone(text)) return printable(text, 200);
    std::this_thread::sleep_for(kPause);
  }
  return "another process";
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
  const auto text = process_on_host(::getpid());
  if (::ftruncate(fd_.get(), 0) != 0 || ::pwrite(fd_.get(), text.data(), text.size(), 0) < 0) {
    throw storage_error("{}: cannot write: {}", path.string(), system_message(errno));
  }
}

}  // namespace llmtrain
