#include "lib/tokenizer/scanner.h"

#include <bit>
#include <cstring>
#include <limits>

#include "lib/base/error.h"
#include "lib/tokenizer/unicode_class.h"
#include "lib/tokenizer/utf8_char.h"

namespace llmtrain {
namespace {

constexpr std::string_view kGpt2Regex = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Where the patterns differ.
struct Rules {
  bool any_case;        // contractions in either case
  bool any_prefix;      // letters take any one character before them but CR, LF, letters and numbers; else a space
  bool numbers_prefix;  // numbers take a space before them
  std::size_t max_digits;
  bool takes_newlines;  // symbols take the CR and LF after them; white space ends behind its last CR or LF
};
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
constexpr Rules kGpt2Rules = {
    .any_case = false, .any_prefix = false, .numbers_prefix = true, .max_digits = kNoLimit, .takes_newlines = false};
constexpr Rules kLlama3Rules = {
    .any_case = true, .any_prefix = true, .numbers_prefix = false, .max_digits = 3, .takes_newlines = true};
constexpr Rules kQwen2Rules = {
    .any_case = true, .any_prefix = true, .numbers_prefix = false, .max_digits = 1, .takes_newlines = true};

constexpr bool is_newline(char c) { return c == '\n' || c == '\r'; }

constexpr bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

constexpr std::uint64_t in_each_byte(unsigned byte) { return 0x0101010101010101U * byte; }

// How many of the eight bytes at `at`, from the first on, are ASCII letters. No sum carries into the next byte, for the
// top bits are cleared first.
int count_leading_letters(const char* at) {
  std::uint64_t bytes = 0;
  std::memcpy(&bytes, at, sizeof(bytes));
  const std::uint64_t lower = (bytes | in_each_byte(0x20)) & in_each_byte(0x7f);
  const std::uint64_t from_a = lower + in_each_byte(0x80 - 'a');
  const std::uint64_t above_z = lower + in_each_byte(0x7f - 'z');
  const std::uint64_t others = (~from_a | above_z | bytes) & in_each_byte(0x80);
  static_assert(std::endian::native == std::endian::little);
  return others == 0 ? 8 : std::countr_zero(others) / 8;
}

struct Char {
  CharClass kind;
  std::uint32_t size;
};

template <Rules rules>
class Scanner {
 public:
  explicit Scanner(std::string_view text) : begin_(text.data()), end_(begin_ + text.size()) {}

  void scan(std::vector<std::uint32_t>& ends) const {
    for (const char* at = begin_; at != end_;) {
      at = token_end(at);
      ends.push_back(static_cast<std::uint32_t>(at - begin_));
    }
  }

 private:
  Char char_at(const char* at) const {
    if (is_ascii(*at)) return {ascii_class(static_cast<unsigned char>(*at)), 1};
    const auto [code_point, size] = decode_utf8(at, end_);
    return {char_class(code_point), size};
  }
  bool is_at(const char* at, CharClass kind) const { return at != end_ && char_at(at).kind == kind; }

  // run_end of letters, by eight ASCII bytes at a time where there are as many.
  const char* letters_end(const char* at) const {
    while (end_ - at >= 8) {
      const int letters = count_leading_letters(at);
      at += letters;
      if (letters == 8) continue;
      if (is_ascii(*at)) return at;
      do {
        const auto [code_point, size] = decode_utf8(at, end_);
        if (char_class(code_point) != CharClass::kLetter) return at;
        at += size;
      } while (at != end_ && !is_ascii(*at));
    }
    return run_end(at, CharClass::kLetter);
  }

  const char* run_end(const char* at, CharClass kind, std::size_t limit = kNoLimit) const {
    for (; at != end_ && limit > 0; --limit) {
      const Char next = char_at(at);
      if (next.kind != kind) break;
      at += next.size;
    }
    return at;
  }

  const char* token_end(const char* at) const {
    const Char first = char_at(at);
    const char* const next = at + first.size;
    switch (first.kind) {
      case CharClass::kLetter:
        return letters_end(next);
      case CharClass::kNumber:
        return run_end(next, CharClass::kNumber, rules.max_digits - 1);
      case CharClass::kOther:
        if (const auto size = contraction_size(at)) return at + size;
        if (rules.any_prefix && is_at(next, CharClass::kLetter)) return letters_end(next);
        return symbols_end(next);
      case CharClass::kSpace:
        if (const char* const end = prefixed_end(at, next)) return end;
        return white_space_end(at);
    }
    return next;
  }

  // After one white space character: the end of what takes it as its prefix, or null.
  const char* prefixed_end(const char* at, const char* next) const {
    if (next == end_ || is_newline(*at) || (!rules.any_prefix && *at != ' ')) return nullptr;
    const CharClass second = char_at(next).kind;
    if (second == CharClass::kLetter) return letters_end(next);
    if (second == CharClass::kNumber && rules.numbers_prefix) return run_end(next, second, rules.max_digits);
    if (second == CharClass::kOther && *at == ' ') return symbols_end(next);
    return nullptr;
  }

  const char* symbols_end(const char* at) const {
    at = run_end(at, CharClass::kOther);
    if (rules.takes_newlines) {
      while (at != end_ && is_newline(*at)) ++at;
    }
    return at;
  }

  const char* white_space_end(const char* at) const {
    const char* const start = at;
    const char* last = at;  // its last character
    const char* newlines_end = nullptr;
    while (at != end_) {
      const Char next = char_at(at);
      if (next.kind != CharClass::kSpace) break;
      last = at;
      if (is_newline(*at)) newlines_end = at + 1;
      at += next.size;
    }
    if (rules.takes_newlines && newlines_end) return newlines_end;
    return at == end_ || last == start ? at : last;
  }

  // The size of "'s", "'t", "'re" and so on, or 0.
  std::size_t contraction_size(const char* at) const {
    const auto left = static_cast<std::size_t>(end_ - at);
    if (*at != '\'' || left < 2) return 0;
    const auto lower = [&](std::size_t i) {
      const char c = at[i];
      return rules.any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    const char first = lower(1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (left < 3) return 0;
    const char second = lower(2);
    if ((first == 'r' || first == 'v') && second == 'e') return 3;
    if (first == 'l' && second == 'l') return 3;
    // U+017F, the long s, is an s in either case.
    if (rules.any_case && at[1] == '\xc5' && at[2] == '\xbf') return 3;
    return 0;
  }

  const char* begin_;
  const char* end_;
};

}  // namespace

void scan_pretokens(PretokenizerPattern pattern, std::string_view text, std::vector<std::uint32_t>& ends) {
  ENSURE(text.size() <= std::numeric_limits<std::uint32_t>::max(), text.size());
  switch (pattern) {
    case PretokenizerPattern::kGpt2:
      return Scanner<kGpt2Rules>(text).scan(ends);
    case PretokenizerPattern::kLlama3:
      return Scanner<kLlama3Rules>(text).scan(ends);
    case PretokenizerPattern::kQwen2:
      return Scanner<kQwen2Rules>(text).scan(ends);
  }
}

std::string_view pretokenizer_regex(PretokenizerPattern pattern) {
  switch (pattern) {
    case PretokenizerPattern::kGpt2:
      return kGpt2Regex;
    case PretokenizerPattern::kLlama3:
      return kLlama3Regex;
    case PretokenizerPattern::kQwen2:
      return kQwen2Regex;
  }
  return {};
}

}  // namespace llmtrain
