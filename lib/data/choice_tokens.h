#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/data/text_windows.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// The tokens of a text behind a prompt, asked for given the prompt: both are encoded together, as they stand in a text,
// and what lies beyond as many tokens as the prompt has alone counts as the continuation's; white space at the prompt's
// end belongs to the continuation (EleutherAI's lm-evaluation-harness, TemplateLM._encode_pair). So that there is
// something to predict from, a prompt without a token is `begin`: nothing is given back where there is none either, or
// where the continuation has no token.
std::optional<TokenRun> continuation_run(const Tokenizer& tokenizer, std::string_view prompt,
                                         std::string_view continuation, std::optional<std::uint32_t> begin);

// Leaves out tokens at the beginning, so that there are at most `context` to predict from; says how many. Nothing that
// is asked for is left out: where that alone is too long nothing changes, and nothing is said.
std::optional<std::size_t> shorten(TokenRun& run, std::size_t context);

}  // namespace llmtrain
