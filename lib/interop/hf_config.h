#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// The tokens a model's files name.
struct HfTokens {
  std::optional<std::uint32_t> bos;
  std::vector<std::uint32_t> eos;  // any of them ends generation; the first is the tokenizer's own
  std::optional<std::uint32_t> pad;

  bool operator==(const HfTokens&) const = default;
};

// config.json of the transformers class that computes the shape (hf_family, which must be there). dtype: "float32",
// "bfloat16". Both spellings of what transformers 5 renamed are written. The rotation stands as rope_parameters and as
// rope_theta with rope_scaling, for readers that know one form only take 10000 for the base without a word.
//
// Dropout is written for GPT-2 only (of the residual stream and the embeddings; we have none in attention): the other
// classes have no place for it. Biases that GPT-2's and Llama's classes have and the shape lacks are told by two keys
// of our own, `bias` and `qkv_bias`, which transformers ignores.
std::string hf_config_json(const ModelShape& shape, const HfTokens& tokens, std::string_view dtype);

// generation_config.json: the tokens that begin, end and fill.
std::string hf_generation_config_json(const HfTokens& tokens);

}  // namespace llmtrain
