#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/config/tokenizer_config.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

struct SpecToken {
  std::string bytes;     // an added token: its content
  bool in_model = true;  // false: an added token that the vocabulary of the file does not hold
  bool operator==(const SpecToken&) const = default;
};

// Ids: left followed by right becomes merged.
struct MergeRule {
  std::uint32_t left = 0;
  std::uint32_t right = 0;
  std::uint32_t merged = 0;
  bool operator==(const MergeRule&) const = default;
};

// All that a tokenizer is, as plain data: what the file readers and the trainers make, what the writer writes.
// What each field must satisfy is checked by whoever makes one from a foreign file.
struct TokenizerSpec {
  TokenizerKind kind = TokenizerKind::kByteBpe;
  std::vector<SpecToken> tokens;         // by id
  std::vector<AddedToken> added_tokens;  // by rising id
  // byte_bpe
  PretokenizerPattern pattern = PretokenizerPattern::kGpt2;
  bool nfc = false;               // text is put into Unicode's normal form C first
  bool ignore_merges = false;     // a pre-token that is a token of the model is that token
  std::vector<MergeRule> merges;  // the first is applied first
  // char
  std::optional<std::uint32_t> unknown;  // stands for characters that have no token
};

}  // namespace llmtrain
