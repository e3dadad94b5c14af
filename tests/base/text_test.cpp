#include "lib/base/text.h"

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

TEST(FindInvalidUtf8, AcceptsEveryWellFormedLength) {
  EXPECT_EQ(find_invalid_utf8(""), std::nullopt);
  EXPECT_EQ(find_invalid_utf8("a\xC2\x80 é 한 \xEF\xBF\xBF \xF0\x90\x80\x80 😀 \xF4\x8F\xBF\xBF"), std::nullopt);
}

// Each case is "ab" + bytes; the fault is at the first of them (Unicode Standard, table 3-7).
TEST(FindInvalidUtf8, NamesTheFirstMalformedByte) {
  for (const char* bytes : {"\x80", "\xC0\xAF", "\xC1\xBF", "\xC2", "\xC2 ", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE1\x80",
                            "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xF1\x80\x80", "\xFF"}) {
    EXPECT_EQ(find_invalid_utf8(std::string("ab") + bytes), 2U) << printable(bytes);
  }
}

// The Unicode Standard allows one U+FFFD a byte of a sequence that is cut off.
TEST(ValidUtf8, ReplacesWhatIsMalformed) {
  EXPECT_EQ(valid_utf8("a\xe8\xaa"
                       "b\xff"),
            "a\uFFFD\uFFFDb\uFFFD");
  EXPECT_EQ(valid_utf8("ä 語"), "ä 語");
}

TEST(AppendUtf8, WritesTheShortestForm) {
  std::string text;
  for (const std::uint32_t c : {0x41U, 0x7FFU, 0xD55CU, 0x1F600U}) append_utf8(text, c);
  EXPECT_EQ(text, "A\xDF\xBF한😀");
}

TEST(Printable, EscapesWhatWouldChangeATerminal) {
  EXPECT_EQ(printable("a\x1b[31mb\r\n\t\x7f"), "a\\x1b[31mb\\x0d\\n\\t\\x7f");
  EXPECT_EQ(printable("x\xE2\x80\xAEy"), "x\\u{202e}y");  // right-to-left override
  EXPECT_EQ(printable("ok\xFFok 한"), "ok\\xffok 한");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("가나다라", 9), "가나…");
  EXPECT_EQ(printable("가나다", 9), "가나다");
}

TEST(HumanNumbers, AreShort) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1234567), "1,234,567");
  EXPECT_EQ(counted(1, "row"), "1 row");
  EXPECT_EQ(counted(0, "row"), "0 rows");
  EXPECT_EQ(counted(1234, "row"), "1,234 rows");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1048575), "1.0 MiB");
  EXPECT_EQ(human_bytes(1610612736), "1.5 GiB");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1240000), "1.24M");
  EXPECT_EQ(human_count(405853388800.0), "406B");
  EXPECT_EQ(human_count(12400), "12.4K");
  EXPECT_EQ(human_seconds(0.417), "0.42 s");
  EXPECT_EQ(human_seconds(59.97), "1 m 00 s");
  EXPECT_EQ(human_seconds(185), "3 m 05 s");
  EXPECT_EQ(human_seconds(7800), "2 h 10 m");
}

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("wieght", "weight"), 1U);
  EXPECT_EQ(edit_distance("abc", "abc"), 0U);
}

TEST(Nearest, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> keys = {"weight_decay", "warmup_steps", "lr"};
  EXPECT_EQ(nearest("wieght_decay", keys), "weight_decay");
  EXPECT_EQ(nearest("warmup-steps", keys), "warmup_steps");
  EXPECT_EQ(nearest("completely_else", keys), std::nullopt);
  EXPECT_EQ(nearest("xy", keys), std::nullopt);
}

}  // namespace
}  // namespace llmtrain
