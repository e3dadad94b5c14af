#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lib/base/text.h"
#include "lib/config/data_config.h"
#include "lib/config/fields.h"
#include "lib/config/units.h"

namespace llmtrain {

enum class TokenizerKind { kByteBpe, kChar };
template <>
struct EnumTable<TokenizerKind> {
  static constexpr std::array<std::pair<TokenizerKind, std::string_view>, 2> names = {
      {{TokenizerKind::kByteBpe, "byte_bpe"}, {TokenizerKind::kChar, "char"}}};
};

// The pre-tokenizer: how text is cut into words before merges. Named after the models that made them known.
enum class PretokenizerPattern { kGpt2, kLlama3, kQwen2 };
template <>
struct EnumTable<PretokenizerPattern> {
  static constexpr std::array<std::pair<PretokenizerPattern, std::string_view>, 3> names = {
      {{PretokenizerPattern::kGpt2, "gpt2"},
       {PretokenizerPattern::kLlama3, "llama3"},
       {PretokenizerPattern::kQwen2, "qwen2"}}};
};

struct TokenizerTrainConfig {
  TokenizerKind kind = TokenizerKind::kByteBpe;
  std::int64_t vocab_size = 32000;
  PretokenizerPattern pattern = PretokenizerPattern::kLlama3;
  std::vector<std::string> special_tokens = {"<|endoftext|>"};
  std::int64_t min_frequency = 2;
  Bytes max_bytes = {.value = std::int64_t{1} << 30};
  std::vector<DataSource> data;
};

template <class Visitor>
void fields(TokenizerTrainConfig& c, Visitor&& visit) {
  visit("kind", c.kind, "byte_bpe: byte-level BPE; char: one id a character of the training text.");
  visit("vocab_size", c.vocab_size,
        "Ids in all, special tokens and the 256 bytes among them (byte_bpe; char takes what it finds).",
        between(1, 1 << 24));
  visit("pattern", c.pattern, "How text is cut into words before merges (byte_bpe).");
  visit("special_tokens", c.special_tokens,
        "Tokens never made by text; the first ends a document. char: <unk> stands for characters not met in training.");
  visit("min_frequency", c.min_frequency, "Pairs seen less often are not merged (byte_bpe).", at_least(1));
  visit("max_bytes", c.max_bytes, "Most text to learn from; of more, an even sample of documents is taken.", positive);
  visit("data", c.data, "What to learn from; pretrain.data.train where it is not given.");
}

// A special token is told from the bytes and characters by its length.
inline void check(const TokenizerTrainConfig& c, Contradictions& out) {
  std::set<std::string> seen;
  for (const auto& token : c.special_tokens) {
    const auto characters = std::count_if(token.begin(), token.end(), [](char b) { return (b & 0xc0) != 0x80; });
    if (characters < 2) out.add("special_tokens", "'" + token + "' is too short, expected two characters or more");
    if (find_invalid_utf8(token)) out.add("special_tokens", "'" + token + "' is not well-formed UTF-8");
    if (!seen.insert(token).second) out.add("special_tokens", "'" + token + "' stands twice");
  }
  const TokenizerTrainConfig defaults;
  const auto only_bpe = [&](const char* key, bool given) {
    if (c.kind == TokenizerKind::kByteBpe || !given) return;
    out.add(key, "'" + std::string(key) + "' is for kind byte_bpe, not " + std::string(enum_name(c.kind)));
  };
  only_bpe("vocab_size", c.vocab_size != defaults.vocab_size);
  only_bpe("pattern", c.pattern != defaults.pattern);
  only_bpe("min_frequency", c.min_frequency != defaults.min_frequency);
  check_unmixed(c.data, out);
  const auto least = static_cast<std::int64_t>(256 + c.special_tokens.size());
  if (c.kind == TokenizerKind::kByteBpe && c.vocab_size < least) {
    out.add("vocab_size", std::to_string(c.vocab_size) + " is too small, expected at least " + std::to_string(least) +
                              ": 256 bytes and the special tokens");
  }
}

struct TokenizerConfig {
  std::optional<std::string> from;
  std::optional<TokenizerTrainConfig> train;
};

template <class Visitor>
void fields(TokenizerConfig& c, Visitor&& visit) {
  visit("from", c.from, "A tokenizer.json, or a folder that holds one.", not_empty);
  visit("train", c.train, "Train a tokenizer on the data.");
}

inline void check(const TokenizerConfig& c, Contradictions& out) {
  if (c.from && c.train) out.add("train", "'from' and 'train' exclude each other; keep one");
}

}  // namespace llmtrain
