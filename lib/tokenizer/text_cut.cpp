#include "lib/tokenizer/text_cut.h"

namespace llmtrain {
namespace {

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_graphic(char c) { return c > ' ' && c <= '~'; }

constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// Three bytes that are a character and not white space: of U+3000 to U+DFFF only the first is that.
bool is_east_asian(std::string_view bytes) {
  return bytes.size() == 3 && bytes[0] >= '\xe3' && bytes[0] <= '\xed' && is_continuation(bytes[1]) &&
         is_continuation(bytes[2]) && bytes != "\xe3\x80\x80";
}

bool ends_solid(std::string_view text) {
  return !text.empty() &&
         (is_graphic(text.back()) || (text.size() >= 3 && is_east_asian(text.substr(text.size() - 3))));
}

bool starts_solid(std::string_view text) {
  return !text.empty() && (is_graphic(text.front()) || is_east_asian(text.substr(0, 3)));
}

}  // namespace

std::size_t next_safe_cut(std::string_view text, std::size_t from) {
  for (std::size_t i = from == 0 ? 1 : from; i < text.size(); ++i) {
    if (text[i] == ' ' && is_letter(text[i - 1]) && i + 1 < text.size() && is_letter(text[i + 1])) return i;
    if (text[i - 1] == '\n' && starts_solid(text.substr(i)) && ends_solid(text.substr(0, i - 1))) return i;
  }
  return text.size();
}

}  // namespace llmtrain
