#pragma once
#include <string>

#include "lib/config/key_spec.h"

namespace llmtrain {

// JSON Schema (draft 2020-12) of a pipeline file, for editors: descriptions, defaults, enums, bounds, no other keys.
// Values with a unit are texts to an editor, so numbers also match a pattern of what the reader takes, without bounds;
// a "${NAME}" matches everywhere. What keys say of each other is not in it: `llmtrain config check` has the last word.
std::string json_schema(const KeySpec& root);

}  // namespace llmtrain
