#include "lib/tokenizer/byte_alphabet.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

// openai/gpt-2, encoder.json: the ids 0, 93, 94, 188, 198, 220 and 255 are "!", "~", "¡", "Ā", "Ċ" (line feed),
// "Ġ" (space) and "Ń" (soft hyphen).
TEST(ByteAlphabet, GivesBytesTheIdsOfGpt2) {
  const auto& bytes = bytes_in_alphabet_order();
  EXPECT_EQ(bytes[0], '!');
  EXPECT_EQ(bytes[93], '~');
  EXPECT_EQ(bytes[94], 0xa1);
  EXPECT_EQ(bytes[188], 0x00);
  EXPECT_EQ(bytes[198], '\n');
  EXPECT_EQ(bytes[220], ' ');
  EXPECT_EQ(bytes[255], 0xad);
}

TEST(ByteAlphabet, WritesBytesAsGpt2Does) {
  EXPECT_EQ(bytes_to_alphabet(" the\n"), "ĠtheĊ");
  EXPECT_EQ(bytes_to_alphabet("\xed\x95\x9c"), "íķľ");  // U+D55C, Hangul "han"
}

TEST(ByteAlphabet, ReadsBackEveryByte) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    EXPECT_EQ(alphabet_to_bytes(bytes_to_alphabet(text)), text) << byte;
  }
}

TEST(ByteAlphabet, RefusesCharactersThatStandForNoByte) {
  for (const std::string text : {" ", "a\nb", "ń", "한", "\xc4", "\xc4Z", "\xff"}) {
    EXPECT_EQ(alphabet_to_bytes(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace llmtrain
