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

// Processor cores among the processors of sched_getaffinity(2): threads of one core count once. root: stands before
// /sys, for tests. A processor that the kernel says nothing of is a core of its own.
int count_cores(const std::vector<int>& processors, const std::filesystem::path& root = "/");
std::vector<int> allowed_processors();

// How fast the file system of a folder makes bytes durable, in bytes a second: a nameless file is written and synced in
// pieces, until all `bytes` or a second has gone; a signal's stop between two. Nothing where the folder cannot be
// written to or has no room. Throws stopped_error.
std::optional<double> write_rate(const std::filesystem::path& folder, std::uint64_t bytes);

}  // namespace llmtrain
