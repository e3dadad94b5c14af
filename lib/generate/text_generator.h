#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/generate/generator.h"
#include "lib/generate/made_text.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// The ids that a text goes on from; special tokens are recognised in it. An empty text begins as a document does, with
// the token that ends the one before; where the tokenizer has none, with a line's end, else with the first id.
std::vector<std::uint32_t> prompt_ids(const Tokenizer& tokenizer, std::string_view prompt);

struct TextOptions {
  GenerateOptions generate;
  std::vector<std::string> stops;  // a text ends before any of these
  std::int64_t slots = 1;          // texts decoded together; fewer where memory is short
};

struct TextEvents {
  // What can be shown of a text now, whole characters; adds up to MadeText::text.
  std::function<void(std::size_t request, std::string_view piece)> piece;
  std::function<void(std::size_t request, const MadeText& text)> end;
  // Asked before each step: false ends everything.
  std::function<bool()> wanted;
};

// Makes a text for each request, as Generator does. False where
// a signal asked for a stop or nobody wants any more: then some texts have not ended. Throws Error (8) where the keys
// and values of one text do not fit into the memory that is there.
bool make_texts(const Decoder& decoder, const Tokenizer& tokenizer, std::span<const GenerateRequest> requests,
                const TextOptions& options, const TextEvents& events);

}  // namespace llmtrain
