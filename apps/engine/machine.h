#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// Bytes. What a control group allows is not looked at: the kernel's own figures.
struct Memory {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  // without swapping, as the kernel estimates it
};

// The whole text of a file of /proc, whose size is not known before it is read. Throws input_error.
std::string read_proc(const char* path);

// The files mapped into a process, each once, in the order of its /proc/PID/maps.
std::vector<std::string> mapped_files(std::string_view maps);
// Those of the files that are an OpenMP runtime (GNU, LLVM or Intel), whatever version or hash their names carry.
std::vector<std::string> openmp_runtimes(const std::vector<std::string>& files);
// Those that decide which kernels run, of the flags that the kernel reports in /proc/cpuinfo.
std::vector<std::string> instruction_sets(std::string_view cpuinfo);
// From /proc/meminfo. Throws input_error if a figure is missing.
Memory parse_memory(const std::string& meminfo);

}  // namespace llmtrain
