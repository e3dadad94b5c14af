#pragma once
#include <string>
#include <string_view>

#include "lib/config/key_spec.h"

namespace llmtrain {

// Every key, indented by section, with what it means.
std::string explain_tree(const KeySpec& root);

// One key: what it means, what it takes, its default, whether it may differ on resuming; of a section or a list of
// sections also its keys. Throws config_error with the nearest known key.
std::string explain_key(const KeySpec& root, std::string_view path);

// "0.0003", "required", "not given": what holds where the key is left out.
std::string default_words(const KeySpec& spec);

// "list of text": what a key takes, as expected_text() but naming a list's items.
std::string value_words(const KeySpec& spec);

}  // namespace llmtrain
