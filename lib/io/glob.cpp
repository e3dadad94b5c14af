#include "lib/io/glob.h"

#include <algorithm>
#include <set>
#include <utility>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

// The character at `at` and the place behind it. A byte that begins no UTF-8 sequence is a character of its own.
std::string_view character_at(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead >= 0xC0) {
    while (length < 4 && at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xC0U) == 0x80) {
      ++length;
    }
  }
  return text.substr(at, length);
}

// The place behind the ] of the set that opens at `open`, or npos.
std::size_t set_end(std::string_view pattern, std::size_t open) {
  std::size_t at = open + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  const std::size_t close = pattern.find(']', at + 1);  // at is a member even if it is ]
  return close == std::string_view::npos ? close : close + 1;
}

// set: with its brackets. UTF-8 sorts as its code points do, so ranges compare bytes.
bool set_has(std::string_view set, std::string_view character) {
  set = set.substr(1, set.size() - 2);
  const bool negated = set.front() == '!' || set.front() == '^';
  if (negated) set.remove_prefix(1);
  bool found = false;
  std::size_t at = 0;
  while (at < set.size()) {
    const auto low = character_at(set, at);
    at += low.size();
    if (at + 1 < set.size() && set[at] == '-') {
      const auto high = character_at(set, at + 1);
      at += 1 + high.size();
      found = found || (low <= character && character <= high);
    } else {
      found = found || low == character;
    }
  }
  return found != negated;
}

// If the pattern's item at `at` (not *) fits the character, the place behind the item; else npos.
std::size_t match_one(std::string_view pattern, std::size_t at, std::string_view character) {
  if (pattern[at] == '?') return at + 1;
  if (pattern[at] == '[') {
    const std::size_t end = set_end(pattern, at);
    if (end != std::string_view::npos)
      return set_has(pattern.substr(at, end - at), character) ? end : std::string_view::npos;
  }
  const auto literal = character_at(pattern, at);
  return literal == character ? at + literal.size() : std::string_view::npos;
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::directory_entry> entries;
  fs::directory_iterator at(folder.empty() ? fs::path(".") : folder, error);
  while (!error && at != fs::directory_iterator()) {
    entries.push_back(*at);
    at.increment(error);
  }
  if (error) throw input_error("{}: cannot read the folder: {}", folder.string(), error.message());
  return entries;
}

bool is_hidden(const fs::path& name) { return name.string().starts_with('.'); }

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_real_folder(const fs::directory_entry& entry) {
  std::error_code ignored;
  return fs::is_directory(entry.symlink_status(ignored));
}

void sort_unique(std::vector<fs::path>& paths) {
  std::sort(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return a.native() < b.native(); });
  paths.erase(
      std::unique(paths.begin(), paths.end(), [](const auto& a, const auto& b) { return a.native() == b.native(); }),
      paths.end());
}

// A folder, and which name of the pattern stands next.
using Place = std::pair<std::string, std::size_t>;

struct Search {
  std::vector<std::string> names;
  std::vector<Place> places;  // still to be looked at
  std::set<Place> seen;
  std::vector<fs::path> found;

  void add(const fs::path& path, std::size_t next) {
    Place place(path.native(), next);
    if (seen.insert(place).second) places.push_back(std::move(place));
  }

  void take(const fs::path& path, std::size_t name) {
    const bool last = name + 1 == names.size();
    if (last && !is_folder(path)) found.push_back(path);
    if (!last && is_folder(path)) add(path, name + 1);
  }

  void step(const fs::path& folder, std::size_t at) {
    const std::string& name = names[at];
    if (name == "**") {
      const bool last = at + 1 == names.size();
      if (!last) add(folder, at + 1);
      for (const auto& entry : entries_of(folder)) {
        const auto entry_name = entry.path().filename();
        if (is_hidden(entry_name)) continue;
        if (is_real_folder(entry)) {
          add(folder / entry_name, at);
        } else if (last && !is_folder(entry.path())) {
          found.push_back(folder / entry_name);
        }
      }
    } else if (!is_glob(name)) {
      std::error_code ignored;
      if (fs::exists(fs::symlink_status(folder / name, ignored))) take(folder / name, at);
    } else {
      for (const auto& entry : entries_of(folder)) {
        const auto entry_name = entry.path().filename();
        if (glob_matches(name, entry_name.native())) take(folder / entry_name, at);
      }
    }
  }
};

}  // namespace

bool is_glob(std::string_view path) { return path.find_first_of("*?[") != std::string_view::npos; }

bool glob_matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t after_star = kNone;  // pattern behind the last *
  std::size_t star_taken = 0;      // where in the name that * ends for now
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      star_taken = n;
      continue;
    }
    const auto character = character_at(name, n);
    const std::size_t next = p < pattern.size() ? match_one(pattern, p, character) : kNone;
    if (next != kNone) {
      p = next;
      n += character.size();
    } else if (after_star != kNone) {
      star_taken += character_at(name, star_taken).size();
      p = after_star;
      n = star_taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == kNone;
}

std::vector<fs::path> expand_glob(const std::string& pattern) {
  Search search;
  const bool absolute = pattern.starts_with('/');
  std::size_t at = 0;
  while (at <= pattern.size()) {
    const std::size_t slash = std::min(pattern.find('/', at), pattern.size());
    if (slash > at) search.names.push_back(pattern.substr(at, slash - at));
    at = slash + 1;
  }
  if (!search.names.empty()) search.add(absolute ? "/" : "", 0);
  while (!search.places.empty()) {
    const Place place = std::move(search.places.back());
    search.places.pop_back();
    search.step(place.first, place.second);
  }
  sort_unique(search.found);
  return std::move(search.found);
}

std::vector<fs::path> list_tree(const fs::path& folder) {
  std::vector<fs::path> folders = {folder};
  std::vector<fs::path> found;
  while (!folders.empty()) {
    const fs::path next = std::move(folders.back());
    folders.pop_back();
    for (const auto& entry : entries_of(next)) {
      if (is_hidden(entry.path().filename())) continue;
      if (is_real_folder(entry)) {
        folders.push_back(entry.path());
      } else if (!is_folder(entry.path())) {
        found.push_back(entry.path());
      }
    }
  }
  sort_unique(found);
  return found;
}

}  // namespace llmtrain
