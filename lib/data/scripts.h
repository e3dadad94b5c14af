#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace llmtrain {

// Writing systems by which text is counted. kOther: letters of systems not named, marks, symbols.
enum class Script {
  kLatin,
  kHangul,
  kHan,
  kKana,
  kCyrillic,
  kGreek,
  kArabic,
  kHebrew,
  kIndic,
  kThai,
  kDigits,
  kSpaces,
  kPunctuation,
  kOther,
};
inline constexpr std::size_t kScripts = 14;
std::string_view script_name(Script script);

// Of one code point, by the blocks of the Unicode Standard; ASCII by what each character is.
Script script_of(std::uint32_t code_point);

// Characters by script, indexed by Script.
using ScriptCounts = std::array<std::uint64_t, kScripts>;

// Counts the characters of text that comes in parts cut anywhere. Bytes that are not UTF-8 count as kOther.
class ScriptCounter {
 public:
  void add(std::string_view text);
  const ScriptCounts& counts() const { return counts_; }

 private:
  ScriptCounts counts_{};
  std::uint32_t code_point_ = 0;  // of the character that is not yet whole
  int missing_ = 0;               // its bytes that have not come
};

}  // namespace llmtrain
