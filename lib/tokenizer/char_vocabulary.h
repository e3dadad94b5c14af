#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/tokenizer/tokenizer_spec.h"

namespace llmtrain {

// One id a character (Unicode code point), as nanoGPT's character data sets have it.
class CharVocabulary {
 public:
  // Of the spec's tokens those of the model that are one character.
  explicit CharVocabulary(const TokenizerSpec& spec);

  // Appends the ids of the text's characters. A character without a token, or a malformed byte, becomes the unknown
  // token; where there is none, throws input_error (3) that names it. Nothing is dropped.
  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const;

 private:
  void encode_well_formed(std::string_view text, std::vector<std::uint32_t>& ids) const;

  std::vector<std::uint32_t> id_of_;  // by code point; kNone: no token
  std::optional<std::uint32_t> unknown_;
  std::size_t characters_ = 0;
};

// The characters of well-formed UTF-8 text, in order: calls each(code point).
template <class Each>
void for_each_character(std::string_view text, Each&& each) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(text[at])}; };
    const std::uint32_t lead = byte(i);
    if (lead < 0x80) {
      each(lead);
      i += 1;
    } else if (lead < 0xe0) {
      each((lead & 0x1fU) << 6 | (byte(i + 1) & 0x3fU));
      i += 2;
    } else if (lead < 0xf0) {
      each((lead & 0x0fU) << 12 | (byte(i + 1) & 0x3fU) << 6 | (byte(i + 2) & 0x3fU));
      i += 3;
    } else {
      each((lead & 0x07U) << 18 | (byte(i + 1) & 0x3fU) << 12 | (byte(i + 2) & 0x3fU) << 6 | (byte(i + 3) & 0x3fU));
      i += 4;
    }
  }
}

}  // namespace llmtrain
