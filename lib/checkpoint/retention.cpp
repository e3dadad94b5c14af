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

}  // namespace

std::vector<CheckpointEntry> list_checkpoints(const fs::path& folder) {
  std::vector<CheckpointEntry> entries;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(folder, missing)) {
    const auto step = step_of(entry.path().filename().string());
    if (step && entry.is_directory()) entries.push_back({entry.path(), *step});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.step > b.step; });
  return entries;
}

void clean_temporary(const fs::path& folder) {
  static const std::regex kLeftover(R"(step-\d+\.(tmp|old)-\d+)");
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (std::regex_match(entry.path().filename().string(), kLeftover)) leftovers.push_back(entry.path());
  }
  for (const auto& path : leftovers) {
    std::error_code fault;
    fs::remove_all(path, fault);
    if (fault) throw storage_error("{}: cannot be removed: {}", path.string(), fault.message());
  }
}

void prune(const fs::path& folder, std::size_t keep, const std::vector<std::int64_t>& keep_steps) {
  ENSURE(keep >= kLeastWhole, keep);
  const auto entries = list_checkpoints(folder);
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
  if (whole < kLeastWhole) return;
  for (auto path = removable.rbegin(); path != removable.rend(); ++path) remove_checkpoint(*path);
}

}  // namespace llmtrain
