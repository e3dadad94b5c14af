#include "lib/data/text_cutter.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }

// Whether the character with this first byte may be white space. The white space of Unicode beyond ASCII begins with
// c2, e1, e2 or e3.
bool may_be_space(char first_byte) {
  const auto c = static_cast<unsigned char>(first_byte);
  return c <= ' ' || c == 0x7F || c == 0xC2 || (c >= 0xE1 && c <= 0xE3);
}

// Whether the newline at `at` stands between two characters that are not white space.
bool stands_alone(std::string_view text, std::size_t at) {
  if (at == 0 || at + 1 >= text.size() || may_be_space(text[at + 1])) return false;
  std::size_t before = at - 1;
  for (int i = 0; i < 3 && before > 0 && continues_character(text[before]); ++i) --before;
  return !may_be_space(text[before]);
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

std::size_t piece_end(std::string_view text, std::size_t max_piece) {
  ENSURE(text.size() > max_piece && max_piece > 0, text.size(), max_piece);
  const auto last = text.rfind('\n', max_piece - 1);
  for (auto at = last; at != std::string_view::npos; at = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1)) {
    if (stands_alone(text, at)) return at + 1;
  }
  if (last != std::string_view::npos) return last + 1;
  std::size_t end = max_piece;
  for (int i = 0; i < 3 && end > 1 && continues_character(text[end]); ++i) --end;
  return continues_character(text[end]) ? max_piece : end;
}

TextCutter::TextCutter(ExpandedStream stream, std::optional<std::string> separator, std::size_t max_piece)
    : stream_(std::move(stream)),
      separator_(std::move(separator).value_or("")),
      max_piece_(max_piece),
      buffer_(2 * max_piece + separator_.size() + 1) {}

// Makes enough wait to decide on the next piece: more than a piece with the separator behind it, or all that is left.
void TextCutter::fill() {
  const std::size_t enough = max_piece_ + separator_.size() + 1;
  if (at_end_ || end_ - begin_ >= enough) return;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  const std::size_t got = stream_.read(buffer_.data() + end_, buffer_.size() - end_);
  at_end_ = got < buffer_.size() - end_;
  end_ += got;
}

void TextCutter::drop_byte_order_mark() {
  if (std::exchange(started_, true) || !waiting().starts_with(kByteOrderMark)) return;
  begin_ += kByteOrderMark.size();
  offset_ += kByteOrderMark.size();
}

bool TextCutter::next(Document& document) {
  while (true) {
    fill();
    drop_byte_order_mark();
    const std::string_view text = waiting();
    if (text.empty()) return false;  // never inside a document: a piece that continues leaves a byte of it
    std::size_t length = text.size();
    std::size_t separator = 0;
    bool continues = false;
    const auto found =
        separator_.empty() ? std::string_view::npos : text.substr(0, max_piece_ + separator_.size()).find(separator_);
    if (found != std::string_view::npos) {
      length = found;
      separator = separator_.size();
    } else if (text.size() > max_piece_) {
      length = piece_end(text, max_piece_);
      continues = true;
    }
    const std::string_view piece = text.substr(0, length);
    check(piece);
    const bool is_part = std::exchange(inside_, continues) || continues;
    const bool empty = !is_part && is_blank(piece);
    if (!empty) {
      document.text.assign(piece);
      document.line = line_;
      document.offset = offset_;
      document.continues = continues;
    } else {
      ++empty_documents_;
    }
    pass(text.substr(0, length + separator));
    if (!empty) return true;
  }
}

void TextCutter::check(std::string_view text) const {
  const auto nul = text.find('\0');
  const auto invalid = find_invalid_utf8(text.substr(0, nul));
  if (!invalid && nul == std::string_view::npos) return;
  const std::size_t at = invalid.value_or(nul);
  const std::string_view before = text.substr(0, at);
  const auto lines = static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n'));
  const auto newline = before.rfind('\n');
  const std::uint64_t column = newline == std::string_view::npos ? offset_ + at - line_offset_ : at - newline - 1;
  const bool utf16 = offset_ == 0 && (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"));
  throw input_error("{}:{}:{}: {} at byte {}, expected UTF-8 text; try {}", stream_.path().string(), line_ + lines,
                    column + 1,
                    invalid ? fmt::format("malformed UTF-8 (byte 0x{:02x})", static_cast<unsigned char>(text[at]))
                            : std::string("NUL"),
                    offset_ + at, utf16 ? "iconv -f UTF-16 -t UTF-8" : "converting the file to UTF-8");
}

// Counts the lines of what is handed out and goes on behind it.
void TextCutter::pass(std::string_view text) {
  const auto newline = text.rfind('\n');
  if (newline != std::string_view::npos) {
    line_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    line_offset_ = offset_ + newline + 1;
  }
  begin_ += text.size();
  offset_ += text.size();
}

}  // namespace llmtrain
