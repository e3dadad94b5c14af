#include "lib/data/scripts.h"

#include <map>
#include <string>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::Pair;
using testing::UnorderedElementsAre;

std::map<std::string, std::uint64_t> count(const std::vector<std::string_view>& parts) {
  ScriptCounter counter;
  for (const auto part : parts) counter.add(part);
  std::map<std::string, std::uint64_t> counts;
  for (std::size_t i = 0; i < kScripts; ++i) {
    if (counter.counts()[i] > 0) counts[std::string(script_name(static_cast<Script>(i)))] = counter.counts()[i];
  }
  return counts;
}

TEST(ScriptCounter, CountsCharactersNotBytes) {
  EXPECT_THAT(count({"Café 한국어, 漢字 12!\n"}),
              UnorderedElementsAre(Pair("Latin", 4), Pair("Hangul", 3), Pair("Han", 2), Pair("digits", 2),
                                   Pair("spaces", 4), Pair("punctuation", 2)));
}

TEST(ScriptCounter, TakesPartsCutInsideACharacter) {
  const std::string text = "aé한😀";
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      const std::string_view all = text;
      EXPECT_THAT(count({all.substr(0, first), all.substr(first, second - first), all.substr(second)}),
                  UnorderedElementsAre(Pair("Latin", 2), Pair("Hangul", 1), Pair("other", 1)));
    }
  }
}

TEST(ScriptCounter, CountsMalformedBytesAsOther) {
  EXPECT_THAT(count({"\x80", "a\xe2\x82z"}), UnorderedElementsAre(Pair("other", 2), Pair("Latin", 2)));
}

TEST(ScriptOf, KnowsTheBlocks) {
  const std::map<std::uint32_t, Script> expected = {
      {0x41, Script::kLatin},         {0x1E9E, Script::kLatin},  {0xFF21, Script::kLatin},
      {0xAC00, Script::kHangul},      {0xD7A3, Script::kHangul}, {0x1100, Script::kHangul},
      {0x3131, Script::kHangul},      {0x4E00, Script::kHan},    {0x20000, Script::kHan},
      {0x3042, Script::kKana},        {0x30A2, Script::kKana},   {0x0416, Script::kCyrillic},
      {0x03A9, Script::kGreek},       {0x0628, Script::kArabic}, {0x05D0, Script::kHebrew},
      {0x0915, Script::kIndic},       {0x0E01, Script::kThai},   {0x37, Script::kDigits},
      {0xA0, Script::kSpaces},        {0x3000, Script::kSpaces}, {0x2014, Script::kPunctuation},
      {0x3002, Script::kPunctuation}, {0x07, Script::kOther},    {0x1F600, Script::kOther},
      {0x10FFFF, Script::kOther},     {0x0D80, Script::kIndic},  {0x10A0, Script::kOther}};
  for (const auto& [code_point, script] : expected) {
    EXPECT_EQ(script_name(script_of(code_point)), script_name(script)) << std::hex << code_point;
  }
}

}  // namespace
}  // namespace llmtrain
