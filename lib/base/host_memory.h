#pragma once
#include <cstdint>
#include <filesystem>

namespace llmtrain {

// Bytes of main memory that this process may count on.
struct HostMemory {
  std::uint64_t total = 0;      // of the machine, or the control group's limit if that is lower
  std::uint64_t available = 0;  // of it, without swapping, as the kernel estimates it
};

// From /proc/meminfo and the limit of the control group (version 2) that the process is in. Throws input_error if the
// kernel's figures are missing. root: stands before these paths, for tests.
HostMemory host_memory(const std::filesystem::path& root = "/");

}  // namespace llmtrain
