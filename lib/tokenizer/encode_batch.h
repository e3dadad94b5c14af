#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// The ids of many documents, in parallel on up to `threads` threads (0: available_processors()). The same as encoding
// one by one.
std::vector<std::vector<std::uint32_t>> encode_batch(const Tokenizer& tokenizer,
                                                     std::span<const std::string_view> documents, int threads = 0,
                                                     SpecialText special = SpecialText::kAsText);

}  // namespace llmtrain
