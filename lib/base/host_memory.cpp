#include "lib/base/host_memory.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// Files of /proc and /sys have no size before they are read.
std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::uint64_t figure(const std::string& meminfo, const std::string& key, const std::filesystem::path& path) {
  unsigned long long kibibytes = 0;
  const auto start = meminfo.find(key + ":");
  if (start == std::string::npos || std::sscanf(meminfo.c_str() + start, "%*[A-Za-z]: %llu kB", &kibibytes) != 1) {
    throw input_error("{}: no figure for '{}', expected one in kB", path.string(), key);
  }
  return kibibytes * 1024;
}

// A number alone in a file; nothing where it is "max" or there is no such file.
std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
  unsigned long long value = 0;
  if (std::sscanf(text_of(path).c_str(), "%llu", &value) != 1) return std::nullopt;
  return value;
}

// The folder of the process's control group: "0::/user.slice/run" says where below /sys/fs/cgroup.
std::filesystem::path control_group(const std::filesystem::path& root) {
  std::istringstream lines(text_of(root / "proc/self/cgroup"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("0::/")) return root / "sys/fs/cgroup" / line.substr(4);
  }
  return root / "sys/fs/cgroup";
}

}  // namespace

HostMemory host_memory(const std::filesystem::path& root) {
  const auto path = root / "proc/meminfo";
  const auto meminfo = text_of(path);
  HostMemory memory{.total = figure(meminfo, "MemTotal", path), .available = figure(meminfo, "MemAvailable", path)};
  const auto group = control_group(root);
  if (const auto limit = number_in(group / "memory.max")) {
    const std::uint64_t used = number_in(group / "memory.current").value_or(0);
    memory.total = std::min<std::uint64_t>(memory.total, *limit);
    memory.available = std::min<std::uint64_t>(memory.available, *limit - std::min(*limit, used));
  }
  return memory;
}

}  // namespace llmtrain
