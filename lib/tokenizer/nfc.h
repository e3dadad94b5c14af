#pragma once
#include <string>
#include <string_view>

namespace llmtrain {

// Unicode's normal form C (UAX 15), which Qwen's tokenizers put text into first. Malformed UTF-8 bytes stand as they
// are and nothing joins across them. Time is O(n log n) on any input; text that is in the form is looked at once, not
// copied.
//
// The `tokenizers` package (0.23) does it by the tables of Unicode 9, so a pair or a mark that is newer stays there as
// it is: some 120 marks and 21 pairs, none of a script in common use.

bool is_nfc(std::string_view text);

// Appends the normal form C of the text.
void append_nfc(std::string_view text, std::string& out);
std::string to_nfc(std::string_view text);

}  // namespace llmtrain
