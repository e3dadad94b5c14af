#pragma once
#include <cstdint>

namespace llmtrain {

struct Utf8Char {
  char32_t code_point;  // kMalformed for a byte that starts no well-formed sequence
  std::uint32_t size;   // in bytes; 1 for a malformed one
};
inline constexpr char32_t kMalformed = 0xffffffffU;

// The character that starts at `at`, which is before `end` (RFC 3629: no overlong forms, no surrogates, at most
// U+10FFFF).
inline Utf8Char decode_utf8(const char* at, const char* end) {
  const auto byte = [&](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
  const auto continues = [&](int i) { return (byte(i) & 0xc0U) == 0x80U; };
  const std::uint32_t lead = byte(0);
  const auto left = end - at;
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xe0 && lead < 0xf0 && left >= 3 && continues(1) && continues(2)) {
    const char32_t code_point = (lead & 0x0fU) << 12 | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU);
    if (code_point >= 0x800 && (code_point < 0xd800 || code_point >= 0xe000)) return {code_point, 3};
  } else if (lead >= 0xc2 && lead < 0xe0 && left >= 2 && continues(1)) {
    return {(lead & 0x1fU) << 6 | (byte(1) & 0x3fU), 2};
  } else if (lead >= 0xf0 && lead < 0xf5 && left >= 4 && continues(1) && continues(2) && continues(3)) {
    const char32_t code_point =
        (lead & 0x07U) << 18 | (byte(1) & 0x3fU) << 12 | (byte(2) & 0x3fU) << 6 | (byte(3) & 0x3fU);
    if (code_point >= 0x10000 && code_point < 0x110000) return {code_point, 4};
  }
  return {kMalformed, 1};
}

}  // namespace llmtrain
