#include "lib/tokenizer/text_cut.h"

#include <gtest/gtest.h>

#include "lib/tokenizer/scanner.h"
#include "tests/tokenizer/seeded_text.h"

namespace llmtrain {
namespace {

TEST(NextSafeCut, StandsBetweenWordsAndAfterLines) {
  EXPECT_EQ(next_safe_cut("ab cd", 0), 2U);
  EXPECT_EQ(next_safe_cut("ab cd ef", 3), 5U);
  EXPECT_EQ(next_safe_cut("1.\n2", 0), 3U);
  EXPECT_EQ(next_safe_cut("中\n文", 0), 4U);
}

TEST(NextSafeCut, StandsNowhereElse) {
  for (const std::string text : {"", "a", "a b", "a  b"}) {
    EXPECT_EQ(next_safe_cut(text, text == "a b" ? 2 : 0), text.size()) << text;
  }
  for (const std::string text : {"a 1", "1 a", "a\n\nb", "a \nb", "a\n b", "a\r\n\xff", "\nb", "中\u3000\n文", "é b"}) {
    EXPECT_EQ(next_safe_cut(text, 0), text.size()) << text;
  }
}

TEST(NextSafeCut, ChangesNoPretokenOfAnyPattern) {
  std::size_t cuts = 0;
  for (const auto& text : seeded_documents(5, 300)) {
    for (const auto& [pattern, name] : EnumTable<PretokenizerPattern>::names) {
      std::vector<std::uint32_t> whole;
      scan_pretokens(pattern, text, whole);
      std::vector<std::uint32_t> pieces;
      for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = next_safe_cut(text, begin + 1);
        std::vector<std::uint32_t> ends;
        scan_pretokens(pattern, std::string_view(text).substr(begin, end - begin), ends);
        for (const std::uint32_t at : ends) pieces.push_back(static_cast<std::uint32_t>(begin) + at);
        begin = end;
        ++cuts;
      }
      ASSERT_EQ(pieces, whole) << name << ": " << text;
    }
  }
  EXPECT_GT(cuts, 3000U);
}

}  // namespace
}  // namespace llmtrain
