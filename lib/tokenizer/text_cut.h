#pragma once
#include <cstddef>
#include <string_view>

namespace llmtrain {

// The first place at or after `from` where every pre-tokenizer pattern ends one pre-token and starts another, whether
// or not the text goes on there, and where Unicode normalization joins nothing: text may be cut there and worked on in
// pieces with the same result. text.size() if there is none. Such places are: before a space between two ASCII letters,
// and after a lone line feed between two characters that are not white space (ASCII or of U+3001 to U+DFFF).
std::size_t next_safe_cut(std::string_view text, std::size_t from);

}  // namespace llmtrain
