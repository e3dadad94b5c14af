#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace llmtrain {

// What pre-tokenizers tell apart: \p{L}, \p{N}, \s and the rest, as of Unicode 16.
//
// The `tokenizers` package (0.23, Oniguruma) and tiktoken (0.14, Rust's regex) agree with this on every code point.
// Their \s is the property White_Space: it has U+0085, but not U+001C to U+001F (which Python's str.isspace takes),
// U+200B, U+FEFF, nor U+180E, which PCRE2's \s takes. PCRE2 10.42 knows Unicode 14: what came later is no letter or
// number to it.
enum class CharClass : std::uint8_t { kOther, kLetter, kNumber, kSpace };

// What a character does in Unicode's normal form C.
enum class NfcTrait : std::uint8_t {
  kInert,  // stays as it is, and nothing before it reaches beyond it
  kMark,   // stays as it is, but moves among its neighbours by combining class
  kOpen,   // may change, or join to the one before it (Quick_Check No or Maybe)
};

namespace detail {
// A table of two stages, made by the compiler: code point / 64 → where the 64 entries of its block start.
inline constexpr std::size_t kUnicodeBlockSize = 64;
inline constexpr std::size_t kUnicodeBlocks = 0x110000 / kUnicodeBlockSize;
inline constexpr std::size_t kUniformBlocks = 12;  // for blocks of one value, each value that there is
inline constexpr std::size_t kMixedBlocks = 352;
extern const std::array<std::uint16_t, kUnicodeBlocks> kBlockStarts;
// CharClass + 4 * NfcTrait.
extern const std::array<std::uint8_t, (kUniformBlocks + kMixedBlocks) * kUnicodeBlockSize> kCharTraits;

inline std::uint8_t char_traits(char32_t code_point) {
  if (code_point >= 0x110000) return 0;
  return kCharTraits[kBlockStarts[code_point / kUnicodeBlockSize] + code_point % kUnicodeBlockSize];
}
}  // namespace detail

// Anything that is no code point is kOther.
inline CharClass char_class(char32_t code_point) { return static_cast<CharClass>(detail::char_traits(code_point) & 3); }

// The same for U+0000 to U+007F, in one step: their blocks are the first two of the mixed ones.
inline CharClass ascii_class(unsigned char byte) {
  return static_cast<CharClass>(detail::kCharTraits[detail::kUniformBlocks * detail::kUnicodeBlockSize + byte]);
}

inline NfcTrait nfc_trait(char32_t code_point) { return static_cast<NfcTrait>(detail::char_traits(code_point) / 4); }

}  // namespace llmtrain
