#include "lib/data/scripts.h"

#include <algorithm>

namespace llmtrain {
namespace {

struct Block {
  std::uint32_t first;
  std::uint32_t last;
  Script script;
};

// Unicode 15, Blocks.txt; what lies between is kOther.
constexpr std::array kBlocks = {
    Block{0x00A1, 0x00A9, Script::kPunctuation}, Block{0x00AA, 0x00AA, Script::kLatin},
    Block{0x00AB, 0x00B9, Script::kPunctuation}, Block{0x00BA, 0x00BA, Script::kLatin},
    Block{0x00BB, 0x00BF, Script::kPunctuation}, Block{0x00C0, 0x00D6, Script::kLatin},
    Block{0x00D7, 0x00D7, Script::kPunctuation}, Block{0x00D8, 0x00F6, Script::kLatin},
    Block{0x00F7, 0x00F7, Script::kPunctuation}, Block{0x00F8, 0x024F, Script::kLatin},
    Block{0x0250, 0x02AF, Script::kLatin},       Block{0x0370, 0x03FF, Script::kGreek},
    Block{0x0400, 0x052F, Script::kCyrillic},    Block{0x0590, 0x05FF, Script::kHebrew},
    Block{0x0600, 0x06FF, Script::kArabic},      Block{0x0750, 0x077F, Script::kArabic},
    Block{0x08A0, 0x08FF, Script::kArabic},      Block{0x0900, 0x0DFF, Script::kIndic},
    Block{0x0E00, 0x0E7F, Script::kThai},        Block{0x1100, 0x11FF, Script::kHangul},
    Block{0x1C80, 0x1C8F, Script::kCyrillic},    Block{0x1E00, 0x1EFF, Script::kLatin},
    Block{0x1F00, 0x1FFF, Script::kGreek},       Block{0x2000, 0x200A, Script::kSpaces},
    Block{0x2010, 0x2027, Script::kPunctuation}, Block{0x2028, 0x2029, Script::kSpaces},
    Block{0x202F, 0x202F, Script::kSpaces},      Block{0x2030, 0x205E, Script::kPunctuation},
    Block{0x205F, 0x205F, Script::kSpaces},      Block{0x2C60, 0x2C7F, Script::kLatin},
    Block{0x2DE0, 0x2DFF, Script::kCyrillic},    Block{0x2E00, 0x2E7F, Script::kPunctuation},
    Block{0x2E80, 0x2FDF, Script::kHan},         Block{0x3000, 0x3000, Script::kSpaces},
    Block{0x3001, 0x3003, Script::kPunctuation}, Block{0x3005, 0x3007, Script::kHan},
    Block{0x3008, 0x3020, Script::kPunctuation}, Block{0x3040, 0x30FF, Script::kKana},
    Block{0x3130, 0x318F, Script::kHangul},      Block{0x31F0, 0x31FF, Script::kKana},
    Block{0x3400, 0x4DBF, Script::kHan},         Block{0x4E00, 0x9FFF, Script::kHan},
    Block{0xA640, 0xA69F, Script::kCyrillic},    Block{0xA720, 0xA7FF, Script::kLatin},
    Block{0xA960, 0xA97F, Script::kHangul},      Block{0xAB30, 0xAB6F, Script::kLatin},
    Block{0xAC00, 0xD7FF, Script::kHangul},      Block{0xF900, 0xFAFF, Script::kHan},
    Block{0xFB1D, 0xFB4F, Script::kHebrew},      Block{0xFB50, 0xFDFF, Script::kArabic},
    Block{0xFE70, 0xFEFE, Script::kArabic},      Block{0xFF01, 0xFF0F, Script::kPunctuation},
    Block{0xFF10, 0xFF19, Script::kDigits},      Block{0xFF1A, 0xFF20, Script::kPunctuation},
    Block{0xFF21, 0xFF3A, Script::kLatin},       Block{0xFF3B, 0xFF40, Script::kPunctuation},
    Block{0xFF41, 0xFF5A, Script::kLatin},       Block{0xFF5B, 0xFF65, Script::kPunctuation},
    Block{0xFF66, 0xFF9F, Script::kKana},        Block{0xFFA0, 0xFFDC, Script::kHangul},
    Block{0x20000, 0x323AF, Script::kHan},
};

Script ascii_script(std::uint32_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Script::kLatin;
  if (c >= '0' && c <= '9') return Script::kDigits;
  if (c == ' ' || (c >= '\t' && c <= '\r')) return Script::kSpaces;
  return c > ' ' && c < 0x7F ? Script::kPunctuation : Script::kOther;
}

}  // namespace

std::string_view script_name(Script script) {
  constexpr std::array<std::string_view, kScripts> kNames = {"Latin",  "Hangul", "Han",         "Kana",  "Cyrillic",
                                                             "Greek",  "Arabic", "Hebrew",      "Indic", "Thai",
                                                             "digits", "spaces", "punctuation", "other"};
  return kNames.at(static_cast<std::size_t>(script));
}

Script script_of(std::uint32_t code_point) {
  if (code_point < 0x80) return ascii_script(code_point);
  if (code_point == 0x85 || code_point == 0xA0) return Script::kSpaces;
  const auto block = std::ranges::lower_bound(kBlocks, code_point, {}, &Block::last);
  return block != kBlocks.end() && code_point >= block->first ? block->script : Script::kOther;
}

void ScriptCounter::add(std::string_view text) {
  const auto count = [this](Script script) { ++counts_[static_cast<std::size_t>(script)]; };
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (missing_ > 0 && (byte & 0xC0U) == 0x80U) {
      code_point_ = (code_point_ << 6U) | (byte & 0x3FU);
      if (--missing_ == 0) count(script_of(code_point_));
      continue;
    }
    if (missing_ > 0) count(Script::kOther);
    missing_ = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
    code_point_ = missing_ == 0 ? byte : byte & (0x3FU >> static_cast<unsigned>(missing_));
    if (missing_ == 0) count(byte < 0x80 ? ascii_script(byte) : Script::kOther);
  }
}

}  // namespace llmtrain
