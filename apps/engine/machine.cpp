#include "apps/engine/machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <set>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

// The text up to the separator, which is taken off the front of `rest` with it.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

}  // namespace

std::string read_proc(const char* path) {
  const FileDescriptor fd(::open(path, O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> buffer{};
  while (fd.get() >= 0) {
    const auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  throw input_error("{}: {}", path, system_message(errno));
}

std::vector<std::string> mapped_files(std::string_view maps) {
  std::vector<std::string> files;
  while (!maps.empty()) {
    const auto line = take(maps, '\n');
    const auto slash = line.find('/');  // what stands before is numbers, and the path is the last field
    if (slash == std::string_view::npos) continue;
    std::string path(line.substr(slash));
    if (std::find(files.begin(), files.end(), path) == files.end()) files.push_back(std::move(path));
  }
  return files;
}

std::vector<std::string> openmp_runtimes(const std::vector<std::string>& files) {
  std::vector<std::string> runtimes;
  for (const auto& file : files) {
    const auto name = std::string_view(file).substr(file.rfind('/') + 1);
    for (const std::string_view library : {"libgomp", "libomp", "libiomp5"}) {
      const auto rest = name.substr(std::min(library.size(), name.size()));
      if (name.starts_with(library) && (rest.starts_with('.') || rest.starts_with('-'))) runtimes.push_back(file);
    }
  }
  return runtimes;
}

std::vector<std::string> instruction_sets(std::string_view cpuinfo) {
  std::vector<std::string_view> flags;
  while (!cpuinfo.empty() && flags.empty()) {
    auto line = take(cpuinfo, '\n');
    if (!line.starts_with("flags")) continue;
    take(line, ':');
    while (!line.empty()) flags.push_back(take(line, ' '));
  }
  std::vector<std::string> sets;
  for (const std::string_view name : {"avx2", "avx512f", "avx512_bf16", "amx_bf16"}) {
    if (std::find(flags.begin(), flags.end(), name) != flags.end()) sets.emplace_back(name);
  }
  return sets;
}

std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return processors;
  for (int processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(static_cast<std::size_t>(processor), &set)) processors.push_back(processor);
  }
  return processors;
}

int count_cores(const std::vector<int>& processors, const std::filesystem::path& root) {
  std::set<std::string> cores;  // by the list of their threads
  for (const int processor : processors) {
    const auto path = root / fmt::format("sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", processor);
    cores.insert(std::filesystem::exists(path) ? read_proc(path.c_str()) : fmt::format("{}\n", processor));
  }
  return static_cast<int>(cores.size());
}

std::optional<double> write_rate(const std::filesystem::path& folder, std::uint64_t bytes) {
  using Clock = std::chrono::steady_clock;
  auto path = (folder / "llmtrain-XXXXXX").string();
  const FileDescriptor fd(::mkostemp(path.data(), O_CLOEXEC));
  // Without its name from the start, nothing can be left behind.
  if (fd.get() < 0 || ::unlink(path.c_str()) != 0) return std::nullopt;
  const std::vector<char> piece(std::size_t{8} << 20, 'x');
  const auto start = Clock::now();
  std::uint64_t written = 0;
  std::uint64_t next_sync = piece.size();
  double seconds = 0;
  while (written < bytes && seconds < 1) {
    stop_point("measuring the disk");
    const auto count = ::write(fd.get(), piece.data(), std::min<std::uint64_t>(piece.size(), bytes - written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    written += static_cast<std::uint64_t>(count);
    if (written < std::min(next_sync, bytes)) continue;
    if (::fdatasync(fd.get()) != 0) return std::nullopt;
    next_sync = 2 * written;  // few syncs on a fast disk, and none that takes longer than all before on a slow one
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return static_cast<double>(written) / std::max(seconds, 1e-9);
}

}  // namespace llmtrain
