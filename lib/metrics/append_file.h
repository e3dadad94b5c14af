#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

#include "lib/base/file.h"

namespace llmtrain {

// A file that grows by whole records: one write(2) each, and what a failed write left behind is cut off again before
// the next. One process writes it. Once it is open nothing throws: a log that cannot be written does not end a run.
class AppendFile {
 public:
  // Opens the file, or makes it with mode 0600 whatever the umask is. Throws storage_error (5) if it cannot be opened,
  // is a symbolic link or is not a regular file.
  explicit AppendFile(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }
  // Bytes in it now; what a failed write left behind is not counted.
  std::uint64_t size() const;
  // 0 if the record is in the file whole, else errno of what failed, and nothing of it stays.
  int append(std::string_view record);
  // Cuts what stands behind `size`. 0 or errno.
  int cut(std::uint64_t size);

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  std::optional<std::uint64_t> whole_;  // where a torn record begins that could not be cut off
};

}  // namespace llmtrain
