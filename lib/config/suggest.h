#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/config/key_spec.h"

namespace llmtrain {

// The full path that was meant by a key that the section does not have: a key of the section that is written almost
// so, or the right key where it belongs ("pretrain.optim.lr" for "lr" under pretrain), nearest in the tree first; at
// last a key by an abbreviation or a word of it ("sequence_length" for "seq_len", "steps" for "max_steps"), or one
// whose description has all words of this one ("lr" for "learning_rate"). section_path: as it stands in the file
// ("pretrain.data.train[2]").
std::optional<std::string> suggest_key(const KeySpec& root, std::string_view section_path, std::string_view key);

// "unknown key 'optim.lr'; did you mean 'pretrain.optim.lr'?", or what keys there are if nothing is near.
std::string unknown_key_text(std::string_view path, const std::optional<std::string>& suggestion,
                             const KeySpec& section);

// The same for a whole path that leads nowhere, of which no prefix need be right ("optim.lr").
std::string unknown_path_text(const KeySpec& root, std::string_view path);

}  // namespace llmtrain
