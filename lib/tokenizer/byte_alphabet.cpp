#include "lib/tokenizer/byte_alphabet.h"

#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::uint32_t kFirstStandIn = 0x100;  // characters for bytes that are not printable start here
constexpr std::size_t kStandIns = 68;

constexpr bool stands_for_itself(std::uint32_t byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct Alphabet {
  std::array<std::uint16_t, 256> character{};                     // code point by byte
  std::array<std::int16_t, kFirstStandIn + kStandIns> byte_of{};  // by code point; -1: none
  std::array<std::uint8_t, 256> in_order{};
};

constexpr Alphabet make_alphabet() {
  Alphabet made;
  for (auto& byte : made.byte_of) byte = -1;
  std::uint32_t next = kFirstStandIn;
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    const std::uint32_t code = stands_for_itself(byte) ? byte : next++;
    made.character[byte] = static_cast<std::uint16_t>(code);
    made.byte_of[code] = static_cast<std::int16_t>(byte);
  }
  std::size_t place = 0;
  for (const auto byte : made.byte_of) {
    if (byte >= 0) made.in_order[place++] = static_cast<std::uint8_t>(byte);
  }
  return made;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

const std::array<std::uint8_t, 256>& bytes_in_alphabet_order() { return kAlphabet.in_order; }

std::string bytes_to_alphabet(std::string_view bytes) {
  std::string characters;
  characters.reserve(bytes.size() * 2);
  for (const char byte : bytes) append_utf8(characters, kAlphabet.character[static_cast<unsigned char>(byte)]);
  return characters;
}

std::optional<std::string> alphabet_to_bytes(std::string_view characters) {
  std::string bytes;
  bytes.reserve(characters.size());
  for (std::size_t i = 0; i < characters.size(); ++i) {
    std::uint32_t code = static_cast<unsigned char>(characters[i]);
    if (code >= 0x80) {  // the alphabet ends below U+0800: two bytes
      if ((code & 0xe0U) != 0xc0U || i + 1 >= characters.size()) return std::nullopt;
      const std::uint32_t second = static_cast<unsigned char>(characters[++i]);
      if ((second & 0xc0U) != 0x80U) return std::nullopt;
      code = ((code & 0x1fU) << 6) | (second & 0x3fU);
    }
    if (code >= kAlphabet.byte_of.size() || kAlphabet.byte_of[code] < 0) return std::nullopt;
    bytes += static_cast<char>(kAlphabet.byte_of[code]);
  }
  return bytes;
}

}  // namespace llmtrain
