#include "tests/house/house_rules.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include <fmt/format.h>

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr int kFirstTorchRank = 4;
constexpr int kAppsRank = 11;
constexpr std::size_t kMaxLines = 600;

// A room's place in the order; rooms of equal rank are siblings.
const std::map<std::string, int>& ranks() {
  static const std::map<std::string, int> kRanks = {
      {"base", 0},       {"config", 1}, {"arch", 2},     {"io", 2},      {"tokenizer", 2}, {"metrics", 2},
      {"checkpoint", 2}, {"data", 3},   {"plan", 3},     {"interop", 3}, {"ops", 4},       {"params", 5},
      {"model", 6},      {"optim", 6},  {"generate", 7}, {"train", 8},   {"rl", 9},        {"recipes", 10}};
  return kRanks;
}

struct Include {
  std::size_t line = 0;
  std::string target;
  bool quoted = false;
};

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::vector<Include> includes_of(const fs::path& path) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  const auto lines = lines_of(path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, kInclude)) found.push_back({i + 1, match[2], match[1] == "\""});
  }
  return found;
}

// Relative paths of C++ and CUDA files under root/folder, sorted.
std::vector<std::string> sources_in(const fs::path& root, const std::string& folder) {
  std::vector<std::string> found;
  if (!fs::is_directory(root / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    static const std::set<std::string> kKinds = {".h", ".cpp", ".cu", ".cuh"};
    if (entry.is_regular_file() && kKinds.count(entry.path().extension().string()) != 0) {
      found.push_back(fs::relative(entry.path(), root).string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// "lib/io/gguf.h" -> "io"; nothing for what is not in a room.
std::optional<std::string> room_of(const std::string& path) {
  static const std::regex kRoom("^lib/([^/]+)/");
  std::smatch match;
  if (!std::regex_search(path, match, kRoom)) return std::nullopt;
  return match[1];
}

bool is_libtorch(const std::string& include) {
  static const std::regex kTorch("^(ATen|c10|torch|caffe2)/");
  return std::regex_search(include, kTorch);
}

// The includes that lead from a file to LibTorch, "" if none do.
std::string way_to_libtorch(const fs::path& root, const std::string& file, std::set<std::string>& seen) {
  if (!seen.insert(file).second) return "";
  for (const auto& include : includes_of(root / file)) {
    if (is_libtorch(include.target)) return fmt::format("{}:{}: -> {}", file, include.line, include.target);
    if (!fs::is_regular_file(root / include.target)) continue;
    const auto way = way_to_libtorch(root, include.target, seen);
    if (!way.empty()) return fmt::format("{}:{}: -> {}", file, include.line, way);
  }
  return "";
}

std::vector<std::string> quoted_paths(const std::string& line) {
  static const std::regex kQuoted("`((?:lib|apps|configs|data|tests|scripts|cmake)/[^` ]*)`");
  std::vector<std::string> found;
  for (auto it = std::sregex_iterator(line.begin(), line.end(), kQuoted); it != std::sregex_iterator(); ++it) {
    found.push_back((*it)[1]);
  }
  return found;
}

}  // namespace

std::vector<std::string> forbidden_includes(const fs::path& root) {
  std::vector<std::string> faults;
  auto files = sources_in(root, "lib");
  const auto apps = sources_in(root, "apps");
  files.insert(files.end(), apps.begin(), apps.end());
  for (const auto& file : files) {
    const auto room = room_of(file);
    if (room && ranks().count(*room) == 0) {
      faults.push_back(fmt::format("{}: room '{}' has no place in the order of rooms", file, *room));
      continue;
    }
    const int rank = room ? ranks().at(*room) : kAppsRank;
    for (const auto& include : includes_of(root / file)) {
      const auto target = room_of(include.target);
      if (include.quoted && !target && include.target.rfind("apps/", 0) != 0 &&
          include.target.rfind("tests/", 0) != 0) {
        faults.push_back(
            fmt::format("{}:{}: '{}' is not included by its full path", file, include.line, include.target));
      }
      const bool reaches_up =
          include.target.rfind("apps/", 0) == 0 ? rank < kAppsRank : include.target.rfind("tests/", 0) == 0;
      const bool sideways = target && target != room && (ranks().count(*target) == 0 || ranks().at(*target) >= rank);
      if (reaches_up || sideways) {
        faults.push_back(
            fmt::format("{}:{}: '{}' may not include '{}'", file, include.line, room.value_or("apps"), include.target));
      }
    }
  }
  return faults;
}

std::vector<std::string> paths_to_libtorch(const fs::path& root) {
  std::vector<std::string> faults;
  auto files = sources_in(root, "lib");
  std::erase_if(files, [](const std::string& file) {
    const auto room = room_of(file);
    return room && ranks().count(*room) != 0 && ranks().at(*room) >= kFirstTorchRank;
  });
  const auto front = sources_in(root, "apps/llmtrain");
  files.insert(files.end(), front.begin(), front.end());
  for (const auto& file : files) {
    std::set<std::string> seen;
    const auto way = way_to_libtorch(root, file, seen);
    if (!way.empty()) faults.push_back(way);
  }
  return faults;
}

std::vector<std::string> untidy_files(const fs::path& root) {
  std::vector<std::string> faults;
  std::map<std::string, std::string> headers;
  for (const std::string folder : {"lib", "apps", "tests"}) {
    for (const auto& file : sources_in(root, folder)) {
      const auto lines = lines_of(root / file);
      const bool generated = !lines.empty() && lines.front().find("generated by") != std::string::npos;
      if (lines.size() > kMaxLines && !generated) {
        faults.push_back(fmt::format("{}: {} lines, expected at most {}", file, lines.size(), kMaxLines));
      }
      const fs::path path(file);
      if (path.extension() != ".h") continue;
      if (std::find(lines.begin(), lines.end(), "#pragma once") == lines.end()) {
        faults.push_back(fmt::format("{}: no #pragma once", file));
      }
      if (folder != "lib") continue;
      const auto [other, is_new] = headers.emplace(path.filename().string(), file);
      if (!is_new) faults.push_back(fmt::format("{}: basename is taken by {}", file, other->second));
    }
  }
  return faults;
}

std::vector<std::string> untrue_maps(const fs::path& root) {
  std::vector<std::string> faults;
  std::set<std::string> rooms_named;
  for (const std::string document : {"README.md", "CONTRIBUTING.md"}) {
    if (!fs::is_regular_file(root / document)) {
      faults.push_back(document + ": is missing");
      continue;
    }
    const auto lines = lines_of(root / document);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      for (const auto& path : quoted_paths(lines[i])) {
        if (path.find_first_of("*<{") != std::string::npos) continue;
        if (!fs::exists(root / path)) faults.push_back(fmt::format("{}:{}: {} is not there", document, i + 1, path));
        if (document == "README.md" && path.rfind("lib/", 0) == 0) rooms_named.insert(*room_of(path + "/"));
      }
    }
  }
  for (const auto& file : sources_in(root, "lib")) {
    const auto room = room_of(file);
    if (room && rooms_named.insert(*room).second) {
      faults.push_back(fmt::format("README.md: the map does not name lib/{}", *room));
    }
  }
  return faults;
}

}  // namespace llmtrain
