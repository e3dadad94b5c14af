#include "lib/checkpoint/retention.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <optional>
#include <regex>
#include <string>

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/checkpoint/checkpoint_reader.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastWhole = 2;

std::optional<std::int64_t> step_of(const std::string& name) {
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const char* end = name.data() + name.size();
  std::int64_t step = 0;
  const auto [rest, fault] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (fault != std::errc() || rest != end || step < 0 || std::to_string(step) != name.substr(kPrefix.size())) {
    return std::nullopt;
  }
  return step;
}

// Nothing where there is no such folder.
std::optional<std::vector<fs::path>> children(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code fault;
  fs::directory_iterator at(folder, fault);
  if (fault == std::errc::no_such_file_or_directory) return std::nullopt;
  for (; !fault && at != fs::directory_iterator(); at.increment(fault)) paths.push_back(at->path());
  if (fault) throw storage_error("{}: cannot read the folder: {}", folder.string(), fault.message());
  return paths;
}

}  // namespace

void remove_checkpoint(const fs::path& path) {
  const fs::path old = path.string() + fmt::format(".old-{}", ::getpid());
  std::error_code fault;
  fs::remove_all(old, fault);
  if (::rename(path.c_str(), old.c_str()) != 0) {
    throw storage_error("{}: cannot be removed: {}", path.string(), system_message(errno));
  }
  fs::remove_all(old, fault);
  if (fault) throw storage_error("{}: cannot be removed: {}", old.string(), fault.message());
}

std::vector<CheckpointEntry> list_checkpoints(const fs::path& folder) {
  std::vector<CheckpointEntry> entries;
  for (const auto& path : children(folder).value_or(std::vector<fs::path>())) {
    const auto step = step_of(path.filename().string());
    std::error_code fault;
    // What cannot be asked for its kind is listed: who opens it will say why.
    const auto kind = fs::status(path, fault).type();
    if (step && (kind == fs::file_type::directory || kind == fs::file_type::none)) entries.push_back({path, *step});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return entries;
}

void clean_temporary(const fs::path& folder) {
  static const std::regex kLeftover(R"(step-\d+\.(tmp|old)-\d+)");
  const auto paths = children(folder);
  if (!paths) throw storage_error("{}: cannot read the folder: {}", folder.string(), system_message(ENOENT));
  for (const auto& path : *paths) {
    if (!std::regex_match(path.filename().string(), kLeftover)) continue;
    std::error_code fault;
    fs::remove_all(path, fault);
    if (fault) throw storage_error("{}: cannot be removed: {}", path.string(), fault.message());
  }
}

void prune(const fs::path& folder, std::size_t keep, const std::vector<std::int64_t>& keep_steps) {
  ENSURE(keep >= kLeastWhole, keep);
  const auto entries = list_checkpoints(folder);
  if (entries.size() <= keep) return;  // without reading them all
  std::size_t whole = 0;
  std::size_t kept = 0;
  std::vector<fs::path> removable;
  for (const auto& entry : entries) {
    const bool wanted = kept < keep || std::count(keep_steps.begin(), keep_steps.end(), entry.step) != 0;
    if (!wanted && whole >= kLeastWhole) {
      removable.push_back(entry.path);
      continue;
    }
    ++kept;
    if (whole < kLeastWhole && !why_damaged(entry.path)) ++whole;
  }
  for (auto path = removable.rbegin(); path != removable.rend(); ++path) remove_checkpoint(*path);
}

}  // namespace llmtrain
