#include "lib/interop/hf_tokenizer_files.h"

#include <nlohmann/json.hpp>

#include "lib/arch/hf_layout.h"
#include "lib/base/error.h"
#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

std::string content_of(const Tokenizer& tokenizer, std::uint32_t id) {
  ENSURE(id < tokenizer.vocab_size(), id, tokenizer.vocab_size());
  return std::string(tokenizer.token_bytes(id));
}

void add_named_tokens(Json& json, const Tokenizer& tokenizer, const HfTokens& tokens) {
  if (tokens.bos) json["bos_token"] = content_of(tokenizer, *tokens.bos);
  if (!tokens.eos.empty()) json["eos_token"] = content_of(tokenizer, tokens.eos.front());
  if (tokens.pad) json["pad_token"] = content_of(tokenizer, *tokens.pad);
  if (const auto unknown = tokenizer.spec().unknown) json["unk_token"] = content_of(tokenizer, *unknown);
}

}  // namespace

std::string hf_tokenizer_config_json(const Tokenizer& tokenizer, const HfTokenizerFacts& facts) {
  Json json;
  json["tokenizer_class"] = "PreTrainedTokenizerFast";
  json["model_max_length"] = facts.context;
  json["clean_up_tokenization_spaces"] = false;
  Json added = Json::object();
  for (const auto& token : tokenizer.added_tokens()) {
    added[std::to_string(token.id)] = {{"content", token.content},       {"lstrip", false},
                                       {"normalized", token.normalized}, {"rstrip", false},
                                       {"single_word", false},           {"special", token.special}};
  }
  json["added_tokens_decoder"] = added;
  add_named_tokens(json, tokenizer, facts.tokens);
  // Older versions of transformers know the template from here only.
  if (facts.chat_template) json["chat_template"] = *facts.chat_template;
  return json.dump(2) + "\n";
}

std::string hf_special_tokens_map_json(const Tokenizer& tokenizer, const HfTokens& tokens) {
  Json json = Json::object();
  add_named_tokens(json, tokenizer, tokens);
  return json.dump(2) + "\n";
}

std::vector<std::string> hf_tokenizer_warnings(const Tokenizer& tokenizer, const ModelShape& shape) {
  if (hf_family(shape) != HfFamily::kQwen2) return {};
  const auto& spec = tokenizer.spec();
  const bool is_qwen2 = spec.kind == TokenizerKind::kByteBpe && spec.pattern == PretokenizerPattern::kQwen2 && spec.nfc;
  if (is_qwen2) return {};
  // tokenization_auto.py, MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS.
  return {
      fmt::format("transformers' AutoTokenizer takes Qwen2Tokenizer for this kind of model and would cut text as "
                  "pattern qwen2 does, but the tokenizer is {}; load it by "
                  "PreTrainedTokenizerFast.from_pretrained",
                  spec.kind == TokenizerKind::kChar ? std::string("of characters")
                                                    : fmt::format("of pattern {}", enum_name(spec.pattern)))};
}

}  // namespace llmtrain
