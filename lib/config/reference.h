#pragma once
#include <string>

#include "lib/config/key_spec.h"

namespace llmtrain {

// The page on pipeline files and all their keys, as Markdown (configs/README.md).
std::string key_reference(const KeySpec& root);

}  // namespace llmtrain
