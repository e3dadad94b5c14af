#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace llmtrain {

// A folder of files that appears whole or not at all. It is written as PATH.tmp-PID beside its place and then changes
// places with what stands there in one system call, so that a reader, and whoever looks after a kill, finds the old
// folder or the new one. (A file system that cannot exchange gets two renames: between them the old folder is at
// PATH.old-PID and none at PATH.) What killed processes left beside the place is removed.
// Throws storage_error (5) naming path and reason.
class AtomicFolder {
 public:
  // Refuses a place where a file or a symbolic link stands, and a folder that holds anything for which `ours` says no:
  // it would be lost.
  AtomicFolder(const std::filesystem::path& path, const std::function<bool(std::string_view name)>& ours);
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;
  ~AtomicFolder();

  // Where to write. Files must be synced by whoever writes them (write_file does).
  const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

}  // namespace llmtrain
