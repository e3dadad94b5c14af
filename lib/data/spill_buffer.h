#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "lib/base/file.h"

namespace llmtrain {

// Bytes kept in order until they are wanted: a little in memory, the rest in a file without a name in `folder`, which
// goes away with the object or the process. Throws storage_error (5).
class SpillBuffer {
 public:
  explicit SpillBuffer(std::filesystem::path folder, std::size_t memory_bytes = std::size_t{1} << 20);

  void append(std::span<const std::byte> bytes);
  std::uint64_t size() const { return spilled_ + memory_.size(); }
  // Calls take(part) for all bytes from first to last, in parts of at most the memory's size.
  void read_back(const std::function<void(std::span<const std::byte>)>& take);

 private:
  void spill();

  std::filesystem::path folder_;
  std::size_t memory_bytes_;
  std::vector<std::byte> memory_;
  FileDescriptor fd_;
  std::uint64_t spilled_ = 0;
};

}  // namespace llmtrain
