#pragma once
#include <string>

#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// The spec as a tokenizer.json of the `tokenizers` package, which gives equal ids with it. Equal specs give equal text.
std::string write_tokenizer_json(const TokenizerSpec& spec);

}  // namespace llmtrain
