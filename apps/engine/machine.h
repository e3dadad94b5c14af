#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// The whole text of a file of /proc, whose size is not known before it is read. Throws input_error.
std::string read_proc(const char* path);

// The files mapped into a process, each once, in the order of its /proc/PID/maps.
std::vector<std::string> mapped_files(std::string_view maps);
// Those of the files that are an OpenMP runtime (GNU, LLVM or Intel), whatever version or hash their names carry.
std::vector<std::string> openmp_runtimes(const std::vector<std::string>& files);
// Those that decide which kernels run, of the flags that the kernel reports in /proc/cpuinfo.
std::vector<std::string> instruction_sets(std::string_view cpuinfo);

// How fast the file system of a folder makes bytes durable, in bytes a second: a temporary file is written, synced and
// removed, in pieces, a signal's stop between them. Nothing where the folder cannot be written to. Throws
// stopped_error.
std::optional<double> write_rate(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace llmtrain
