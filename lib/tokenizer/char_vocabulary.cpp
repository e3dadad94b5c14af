#include "lib/tokenizer/char_vocabulary.h"

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::uint32_t kNone = 0xffffffffU;

}  // namespace

CharVocabulary::CharVocabulary(const TokenizerSpec& spec) : unknown_(spec.unknown) {
  for (std::uint32_t id = 0; id < spec.tokens.size(); ++id) {
    if (!spec.tokens[id].in_model) continue;
    std::size_t count = 0;
    std::uint32_t code_point = 0;
    for_each_character(spec.tokens[id].bytes, [&](std::uint32_t code) {
      code_point = code;
      ++count;
    });
    if (count != 1) continue;
    if (id_of_.size() <= code_point) id_of_.resize(code_point + 1, kNone);
    id_of_[code_point] = id;
    ++characters_;
  }
}

void CharVocabulary::encode(std::string_view text, std::vector<std::uint32_t>& ids) const {
  const std::size_t size = text.size();
  while (!text.empty()) {
    const auto malformed = find_invalid_utf8(text);
    encode_well_formed(text.substr(0, malformed.value_or(text.size())), ids);
    if (!malformed) return;
    if (!unknown_) {
      throw input_error(
          "byte {}: malformed UTF-8 (0x{:02x}), which a tokenizer of characters has no token for; try a "
          "byte_bpe tokenizer, or repair the text",
          size - text.size() + *malformed, static_cast<unsigned char>(text[*malformed]));
    }
    ids.push_back(*unknown_);
    text.remove_prefix(*malformed + 1);
  }
}

void CharVocabulary::encode_well_formed(std::string_view text, std::vector<std::uint32_t>& ids) const {
  ids.reserve(ids.size() + text.size());
  for_each_character(text, [&](std::uint32_t code) {
    const std::uint32_t id = code < id_of_.size() ? id_of_[code] : kNone;
    if (id != kNone) {
      ids.push_back(id);
    } else if (unknown_) {
      ids.push_back(*unknown_);
    } else {
      std::string character;
      append_utf8(character, code);
      throw input_error(
          "character '{}' (U+{:04X}) is not among the tokenizer's {}; try a tokenizer trained on this text "
          "too, or with \"<unk>\" among its special tokens",
          printable(character), code, with_thousands(characters_));
    }
  });
}

}  // namespace llmtrain
