#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// What a tokenizer.json says (the format of the `tokenizers` package). Read are byte-level BPE behind one of the known
// patterns, and the character tokenizer that char_pattern() marks; any other part or option is an input_error (3) that
// names its JSON path. `name`: the file, for errors.
TokenizerSpec read_tokenizer_json(std::string_view json, const std::string& name);

// GPT-2's own files: a map of tokens to ids, and the merges, best first, a line each.
TokenizerSpec read_gpt2_files(const std::filesystem::path& vocab_json, const std::filesystem::path& merges_txt);

// The regular expression that marks a tokenizer.json as a character tokenizer: any one character.
std::string_view char_pattern();

}  // namespace llmtrain
