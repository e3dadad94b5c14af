#pragma once
#include <filesystem>

#include "lib/base/file.h"

namespace llmtrain {

// Holds a folder for this process, by flock(2) on <folder>/.lock: the kernel lets go of it when the process ends,
// however it ends, so no lock is ever stale. On NFS flock works across hosts from Linux 2.6.12 on, if the server and
// the mount allow locks ("nolock" makes it local: then two hosts do not see each other).
class RunLock {
 public:
  // Throws Error (7) naming the process and host that hold it, storage_error (5) if there can be no lock file.
  explicit RunLock(const std::filesystem::path& folder);

 private:
  FileDescriptor fd_;
};

}  // namespace llmtrain
