#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// The byte offset of the first malformed UTF-8 sequence (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF),
// or nothing if the text is well formed.
std::optional<std::size_t> find_invalid_utf8(std::string_view text);

// The text with U+FFFD for every byte that belongs to no well-formed sequence.
std::string valid_utf8(std::string_view text);

// Appends the UTF-8 form of a code point (at most U+10FFFF).
void append_utf8(std::string& text, std::uint32_t code_point);

// For messages: control bytes, malformed UTF-8, bidirectional controls as \xNN or \u{NNNN}; cut to max_bytes with "…".
std::string printable(std::string_view text, std::size_t max_bytes = 1000);

// "1,234,567".
std::string with_thousands(std::uint64_t number);
// "1 document", "1,234 documents".
std::string counted(std::uint64_t number, std::string_view noun);
// "1.5 MiB", "320 B".
std::string human_bytes(std::uint64_t bytes);
// "1.24M", "405B", "812": three significant digits, powers of 1000.
std::string human_count(double number);
// "0.42 s", "3 m 05 s", "2 h 10 m".
std::string human_seconds(double seconds);

// The number of edits (insert, delete, replace a character, swap two neighbours) from a to b.
std::size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to `word` by edits, if near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace llmtrain
