#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace llmtrain {

// GPT-2's alphabet: every byte has a printable character that stands for it in tokenizer files, so that tokens that are
// no whole characters can be written as text. Printable Latin-1 bytes stand for themselves, the others, in order, for
// U+0100 and what follows (openai/gpt-2, encoder.py, bytes_to_unicode).

// The 256 bytes in the order of their characters: the ids that byte-level vocabularies give them.
const std::array<std::uint8_t, 256>& bytes_in_alphabet_order();
// The UTF-8 form of the characters that stand for the bytes.
std::string bytes_to_alphabet(std::string_view bytes);
// The way back; nothing if a character is not of the alphabet.
std::optional<std::string> alphabet_to_bytes(std::string_view characters);

}  // namespace llmtrain
