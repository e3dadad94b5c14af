#pragma once
#include <string>
#include <vector>

namespace llmtrain {

// Becomes the sibling program llmtrain-engine with these arguments: the same process, so that signals and batch systems
// see one pid. Throws config_error if it is not there or cannot be started.
[[noreturn]] void become_engine(const std::vector<std::string>& arguments);

}  // namespace llmtrain
