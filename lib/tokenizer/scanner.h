#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/config/tokenizer_config.h"

namespace llmtrain {

// Cuts text into pre-tokens as the named model's regular expression does, by a hand-written scanner: linear time on any
// input, no recursion, no backtracking past one character class run. Appends the end offset of every pre-token, so the
// last is text.size(); pre-tokens follow each other without gaps. Any bytes are taken: a malformed UTF-8 byte counts as
// one character that is neither letter, number nor white space. text.size() < 4 GiB.
void scan_pretokens(PretokenizerPattern pattern, std::string_view text, std::vector<std::uint32_t>& ends);

// The regular expression itself, as tokenizer.json carries it.
std::string_view pretokenizer_regex(PretokenizerPattern pattern);

}  // namespace llmtrain
