#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// Whether a path has anything to expand: *, ? or [.
bool is_glob(std::string_view path);

// Whether one name (no slash) fits one pattern: * is any run of characters, ? one character, [a-z] one of a set, [!a-z]
// or [^a-z] one outside it; a ] right after the opening is a member. A [ that is never closed stands for itself.
// Characters are those of UTF-8. Time is at most the product of both lengths. A leading dot must be spelled out.
bool glob_matches(std::string_view pattern, std::string_view name);

// Everything but folders that a pattern names, sorted by bytes, each once. ** as a whole name is any number of folders,
// as the last name also everything in them; it does not follow links to folders. Throws input_error (3) if a folder
// cannot be read.
std::vector<std::filesystem::path> expand_glob(const std::string& pattern);

// Every file (whatever its kind, but no folder) in a folder and the folders in it; hidden names and links to folders
// are not followed. Sorted by bytes. Throws input_error (3) if a folder cannot be read.
std::vector<std::filesystem::path> list_tree(const std::filesystem::path& folder);

}  // namespace llmtrain
