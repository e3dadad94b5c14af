#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/arch/model_shape.h"
#include "lib/interop/hf_config.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// What the two small files beside tokenizer.json say.
struct HfTokenizerFacts {
  HfTokens tokens;
  std::int64_t context = 0;  // model_max_length
  std::optional<std::string> chat_template;
};

// tokenizer_config.json for PreTrainedTokenizerFast, which takes everything else from tokenizer.json.
std::string hf_tokenizer_config_json(const Tokenizer& tokenizer, const HfTokenizerFacts& facts);

// special_tokens_map.json: the contents of the tokens that have a part to play.
std::string hf_special_tokens_map_json(const Tokenizer& tokenizer, const HfTokens& tokens);

// What to tell whoever exports this model: where AutoTokenizer of transformers 5 would not give this tokenizer's ids.
std::vector<std::string> hf_tokenizer_warnings(const Tokenizer& tokenizer, const ModelShape& shape);

}  // namespace llmtrain
