#include "apps/engine/machine.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <sys/stat.h>
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

std::optional<double> write_rate(const std::filesystem::path& folder, std::uint64_t bytes) {
  using Clock = std::chrono::steady_clock;
  // The file has no name from the start, so nothing can be left behind.
  const FileDescriptor fd(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (fd.get() < 0) return std::nullopt;
  const std::vector<char> piece(std::size_t{1} << 20, 'x');
  const auto start = Clock::now();
  for (std::uint64_t written = 0; written < bytes;) {
    stop_point("measuring the disk");
    const auto count = ::write(fd.get(), piece.data(), std::min<std::uint64_t>(piece.size(), bytes - written));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::nullopt;
    written += static_cast<std::uint64_t>(count);
  }
  if (::fsync(fd.get()) != 0) return std::nullopt;
  return static_cast<double>(bytes) / std::max(1e-9, std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace llmtrain
