#pragma once
#include <filesystem>
#include <string>

namespace llmtrain {

// What the kernel calls the processor, from /proc/cpuinfo: "AMD EPYC 9R14"; "unknown" where it does not say. root:
// stands before the path, for tests.
std::string processor_name(const std::filesystem::path& root = "/");

}  // namespace llmtrain
