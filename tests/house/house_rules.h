#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace llmtrain {

// What is wrong with the sources under a checkout's root, one line a fault: "lib/io/gguf.h:4: ...". Empty when all is
// well. Each takes the root so that a test can plant a fault in a small tree of its own.

// A room includes only rooms to its left:
// base < config < {arch io tokenizer metrics checkpoint} < {data plan interop} < ops < params < {model optim} <
// generate < train < rl < recipes < apps; rooms in one pair of braces never include each other.
std::vector<std::string> forbidden_includes(const std::filesystem::path& root);
// A file of the rooms up to interop, or of apps/llmtrain, from which includes lead to ATen, c10, torch or caffe2,
// directly or through headers of ours; the line shows the way.
std::vector<std::string> paths_to_libtorch(const std::filesystem::path& root);
// Headers without #pragma once, files over 600 lines, basenames used twice in lib.
std::vector<std::string> untidy_files(const std::filesystem::path& root);
// Paths in back quotes in README.md and CONTRIBUTING.md that are not there; rooms of lib that the README's map does not
// name; rooms it names that are not there.
std::vector<std::string> untrue_maps(const std::filesystem::path& root);

}  // namespace llmtrain
