#include "lib/data/spill_buffer.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// O_TMPFILE makes a file that never has a name; where the file system has none, the name lives for a moment.
FileDescriptor open_nameless(const fs::path& folder) {
  FileDescriptor fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd.get() >= 0) return fd;
  std::string name = (folder / ".spill.tmp-XXXXXX").string();
  fd = FileDescriptor(::mkostemp(name.data(), O_CLOEXEC));
  if (fd.get() < 0) {
    throw storage_error("{}: cannot make a temporary file: {}", folder.string(), system_message(errno));
  }
  ::unlink(name.c_str());
  return fd;
}

}  // namespace

SpillBuffer::SpillBuffer(fs::path folder, std::size_t memory_bytes)
    : folder_(std::move(folder)), memory_bytes_(memory_bytes) {
  ENSURE(memory_bytes > 0);
}

void SpillBuffer::append(std::span<const std::byte> bytes) {
  memory_.insert(memory_.end(), bytes.begin(), bytes.end());
  if (memory_.size() >= memory_bytes_) spill();
}

void SpillBuffer::spill() {
  if (fd_.get() < 0) fd_ = open_nameless(folder_);
  std::span<const std::byte> left = memory_;
  while (!left.empty()) {
    const ssize_t written = ::pwrite(fd_.get(), left.data(), left.size(), static_cast<off_t>(spilled_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw storage_error("{}: cannot write a temporary file: {}", folder_.string(), system_message(errno));
    }
    left = left.subspan(static_cast<std::size_t>(written));
    spilled_ += static_cast<std::uint64_t>(written);
  }
  memory_.clear();
}

void SpillBuffer::read_back(const std::function<void(std::span<const std::byte>)>& take) {
  std::vector<std::byte> part(memory_bytes_);
  for (std::uint64_t offset = 0; offset < spilled_;) {
    const std::size_t wanted = std::min<std::uint64_t>(part.size(), spilled_ - offset);
    const ssize_t got = ::pread(fd_.get(), part.data(), wanted, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw storage_error("{}: cannot read a temporary file back: {}", folder_.string(), system_message(errno));
    }
    take(std::span(part).first(static_cast<std::size_t>(got)));
    offset += static_cast<std::uint64_t>(got);
  }
  if (!memory_.empty()) take(memory_);
}

}  // namespace llmtrain
