#pragma once
#include <cstdint>
#include <vector>

#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// How many bytes of text each id of a vocabulary stands for: [vocab], 0 for special tokens and for ids that the
// tokenizer, which may be smaller, does not have. Sums over a text to its length, for a tokenizer that alters nothing.
std::vector<std::uint32_t> token_text_bytes(const Tokenizer& tokenizer, std::int64_t vocab);

}  // namespace llmtrain
