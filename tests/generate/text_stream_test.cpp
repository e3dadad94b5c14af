#include "lib/generate/text_stream.h"

#include <random>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

// The text with U+FFFD for each question mark.
std::string with_unknown(std::string_view text) {
  std::string made;
  for (const char c : text) {
    if (c == '?') {
      made.append("\xEF\xBF\xBD");
    } else {
      made.push_back(c);
    }
  }
  return made;
}

// Handed out in pieces as they come, and what is left.
std::string streamed(const std::vector<std::string>& pieces, std::vector<std::string> stops = {}) {
  TextStream stream(std::move(stops));
  std::string text;
  for (const auto& piece : pieces) text += stream.push(piece);
  return text + stream.finish();
}

TEST(TextStream, HandsOutWholeCharacters) {
  TextStream stream({});
  EXPECT_EQ(stream.push("a\xED\x96"), "a");
  EXPECT_EQ(stream.push("\x87 "), "\xED\x96\x87 ");
  EXPECT_EQ(stream.push("\xF0"), "");
  EXPECT_EQ(stream.push("\x9F\x98"), "");
  EXPECT_EQ(stream.push("\x80!"), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(stream.finish(), "");
}

// Table 3-8 of the Unicode standard, section 3.9, and its text: truncated, overlong, surrogates, beyond U+10FFFF.
TEST(TextStream, MakesTheLongestBeginningsOfCharactersUnknown) {
  EXPECT_EQ(streamed({"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"}), with_unknown("a???b?c??d"));
  EXPECT_EQ(streamed({"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"}), with_unknown("????????A"));
  EXPECT_EQ(streamed({"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"}), with_unknown("????????A"));
  EXPECT_EQ(streamed({"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"}), with_unknown("?????A??B"));
  EXPECT_EQ(streamed({"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"}), with_unknown("????A"));
}

TEST(TextStream, MakesAnUnfinishedEndUnknown) {
  EXPECT_EQ(streamed({"a\xE2\x82"}), with_unknown("a?"));
  EXPECT_EQ(streamed({"a\xF0\x9F", "\x98"}), with_unknown("a?"));
}

TEST(TextStream, EndsBeforeAStopString) {
  EXPECT_EQ(streamed({"one\ntwo\nthree"}, {"\ntwo"}), "one");
  TextStream stream({"END", "##"});
  EXPECT_EQ(stream.push("all E"), "all ");
  EXPECT_FALSE(stream.stopped());
  EXPECT_EQ(stream.push("N"), "");
  EXPECT_EQ(stream.push("D and more"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.push("even more"), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(TextStream, HandsOutABeginningThatTurnsOutToBeNoStopString) {
  TextStream stream({"aab"});
  EXPECT_EQ(stream.push("a"), "");
  EXPECT_EQ(stream.push("a"), "");
  EXPECT_EQ(stream.push("a"), "a");
  EXPECT_EQ(stream.push("a"), "a");
  EXPECT_EQ(stream.push("b"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(streamed({"x EN"}, {"END"}), "x EN");
}

TEST(TextStream, EndsBeforeTheFirstOfSeveral) {
  EXPECT_EQ(streamed({"a.b,c"}, {",", "."}), "a");
  EXPECT_EQ(streamed({"abcd"}, {"cd", "bc"}), "a");
  EXPECT_EQ(streamed({"ab", "cd"}, {"abcd", "b"}), "a");
}

// A stop string of several bytes a character, cut anywhere.
TEST(TextStream, FindsAStopStringInAnyScript) {
  const std::string text = "지붕은 붉다。다음";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(streamed({text.substr(0, cut), text.substr(cut)}, {"。"}), "지붕은 붉다") << cut;
  }
}

// The text of all bytes at once is what the pieces add up to, whatever the bytes.
TEST(TextStream, DoesNotDependOnThePieces) {
  std::mt19937 random(1);
  const std::string alphabet = "ab\xE2\x82\xAC\xF0\x9F\x98\x80\xC3\xED\xA0\xFF";
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (int i = 0; i < 24; ++i) bytes += alphabet[random() % alphabet.size()];
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto size = 1 + random() % 4;
      pieces.push_back(bytes.substr(at, size));
      at += size;
    }
    const std::vector<std::string> stops = {"aab", "ba\xE2\x82\xAC"};
    std::size_t end = std::string::npos;
    for (const auto& stop : stops) end = std::min(end, bytes.find(stop));
    EXPECT_EQ(streamed(pieces, stops), streamed({bytes.substr(0, end)})) << round;
  }
}

}  // namespace
}  // namespace llmtrain
