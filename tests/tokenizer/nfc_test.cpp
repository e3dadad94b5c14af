#include "lib/tokenizer/nfc.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <utf8proc.h>

#include "lib/base/random.h"
#include "lib/base/text.h"
#include "lib/tokenizer/unicode_class.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

// "0061 0301" → "a\u0301"
std::string text_of(const std::string& code_points) {
  std::istringstream words(code_points);
  std::string text;
  for (std::string word; words >> word;) append_utf8(text, static_cast<std::uint32_t>(std::stoul(word, nullptr, 16)));
  return text;
}

struct Golden {
  std::string line;
  std::string text;
  std::string form;
};

std::vector<Golden> read_golden() {
  std::ifstream file(LLMTRAIN_SOURCE_DIR "/tests/tokenizer/golden/nfc.txt");
  std::vector<Golden> cases;
  for (std::string line; std::getline(file, line);) {
    const auto split = line.find(';');
    if (line.starts_with('#') || split == std::string::npos) continue;
    cases.push_back({line, text_of(line.substr(0, split)), text_of(line.substr(split + 1))});
  }
  return cases;
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(ToNfc, IsWhatPythonGives) {
  const auto cases = read_golden();
  ASSERT_GT(cases.size(), 600U);
  for (const auto& [line, text, form] : cases) {
    EXPECT_EQ(to_nfc(text), form) << line;
    EXPECT_EQ(is_nfc(text), text == form) << line;
    EXPECT_TRUE(is_nfc(form)) << line;
  }
}

// Marks that lead a text would join what stands before it; a newline joins nothing.
TEST(ToNfc, WorksOnStretchesOfALongerText) {
  std::string text;
  std::string form;
  for (const auto& golden : read_golden()) {
    text += golden.text + "\u6f22\n";
    form += golden.form + "\u6f22\n";
  }
  EXPECT_EQ(to_nfc(text), form);
  EXPECT_FALSE(is_nfc(text));
  EXPECT_TRUE(is_nfc(form));
}

// Another implementation of the same over the whole text at once.
std::string utf8proc_form(const std::string& text) {
  utf8proc_uint8_t* form = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &form, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  EXPECT_GE(size, 0);
  std::string out(reinterpret_cast<const char*>(form), static_cast<std::size_t>(std::max<utf8proc_ssize_t>(size, 0)));
  std::free(form);
  return out;
}

TEST(ToNfc, EqualsUtf8procOnEveryCharacterBetweenOthers) {
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) continue;
    std::string text = "e\u0327";
    append_utf8(text, c);
    text += "\u0316\u0301o";
    ASSERT_EQ(to_nfc(text), utf8proc_form(text)) << std::hex << c;
  }
}

// utf8proc 2.8 loses U+11A7 behind a syllable without a tail; it stands in the golden cases.
constexpr std::uint32_t kLostByUtf8proc = 0x11a7;

TEST(ToNfc, EqualsUtf8procOnRandomTexts) {
  std::vector<std::uint32_t> active;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    if (nfc_trait(c) != NfcTrait::kInert) active.push_back(c);
  }
  RandomStream random(3, "nfc_test");
  for (int i = 0; i < 50000; ++i) {
    std::string text;
    for (auto left = 1 + random.below(30); left > 0; --left) {
      const auto kind = random.below(8);
      const auto c = static_cast<std::uint32_t>(kind < 4   ? active[random.below(active.size())]
                                                : kind < 5 ? 0xac00 + random.below(11172)
                                                : kind < 6 ? 0x1100 + random.below(256)
                                                : kind < 7 ? 'A' + random.below(60)
                                                           : 0xa0 + random.below(0x900));
      if (c != kLostByUtf8proc) append_utf8(text, c);
    }
    const std::string form = utf8proc_form(text);
    ASSERT_EQ(to_nfc(text), form) << printable(text);
    ASSERT_EQ(is_nfc(text), text == form) << printable(text);
  }
}

TEST(ToNfc, LeavesMalformedBytesAndJoinsNothingAcrossThem) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\xff", "\xff"},
      {"e\xff\u0301", "e\xff\u0301"},
      {"\x80\u0301", "\x80\u0301"},
      {"e\u0301\xcc", "\u00e9\xcc"},                                  // a lead byte cut off from its mark
      {"\xed\xa0\x80\u212b", "\xed\xa0\x80\u00c5"},                   // a surrogate
      {"\xc3\x83\xcc\x88\xc3", "\u00c3\u0308\xc3"},                   // nothing composes here
      {"a\u0301\xf0\x9f\u0316\u0301", "\u00e1\xf0\x9f\u0316\u0301"},  // marks in order, with no letter to join
      {"a\xf0\x9f\u0301\u0316", "a\xf0\x9f\u0316\u0301"},
  };
  for (const auto& [text, form] : cases) {
    EXPECT_EQ(to_nfc(text), form) << printable(text);
    EXPECT_EQ(is_nfc(text), text == form) << printable(text);
  }
}

TEST(ToNfc, TakesEmptyText) {
  EXPECT_EQ(to_nfc(""), "");
  EXPECT_TRUE(is_nfc(""));
}

TEST(AppendNfc, AppendsBehindWhatIsThere) {
  std::string out = "e";
  append_nfc("\u0301o\u0308", out);
  EXPECT_EQ(out, "e\u0301\u00f6");
}

// U+0316 (class 220) goes before U+0301 (230). The a takes the first U+0301, for what stands between is of a lower
// class.
TEST(ToNfc, OrdersAMillionMarksInLittleTime) {
  constexpr std::size_t kMany = 500000;
  const std::string text = "a" + repeated("\u0301\u0316", kMany);
  EXPECT_FALSE(is_nfc(text));
  EXPECT_TRUE(to_nfc(text) == "\u00e1" + repeated("\u0316", kMany) + repeated("\u0301", kMany - 1));
}

TEST(ToNfc, KeepsTheOrderOfMarksOfOneClass) {
  const std::string marks = repeated("\u0301\u0300\u0302", 30);
  EXPECT_EQ(to_nfc("q" + marks + "\u0316"), "q\u0316" + marks);
}

TEST(ToNfc, ComposesAMillionJamo) {
  constexpr std::size_t kMany = 300000;
  EXPECT_TRUE(to_nfc(repeated("\u1112\u1161\u11ab", kMany)) == repeated("\ud55c", kMany));
  EXPECT_TRUE(is_nfc(repeated("\u1161", kMany)));
}

}  // namespace
}  // namespace llmtrain
