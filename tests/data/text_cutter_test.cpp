#include "lib/data/text_cutter.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "lib/base/digest.h"
#include "lib/tokenizer/scanner.h"
#include "tests/data/reading.h"
#include "tests/support/compression.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Reading text_with_separator(std::string separator) {
  Reading setup = {.format = DataFormat::kText};
  setup.source.document_separator = std::move(separator);
  return setup;
}

TEST(TextDocuments, FileIsOneDocument) {
  const auto documents = read_bytes("one\r\ntwo\n", {.format = DataFormat::kText});
  ASSERT_THAT(texts_of(documents), ElementsAre("one\r\ntwo\n"));
  EXPECT_EQ(documents[0].line, 1U);
  EXPECT_EQ(documents[0].offset, 0U);
}

TEST(TextDocuments, SeparatorCutsAndBelongsToNone) {
  const auto documents = read_bytes("a\nb<|end|>c<|end|><|end|>\n<|end|>d<|end|>", text_with_separator("<|end|>"));
  ASSERT_THAT(texts_of(documents), ElementsAre("a\nb", "c", "d"));
  EXPECT_EQ(documents[1].line, 2U);
  EXPECT_EQ(documents[1].offset, 10U);
  EXPECT_EQ(documents[2].line, 3U);
  EXPECT_THAT(texts_of(read_bytes("a\n\nb\nc\n\n\nd", text_with_separator("\n\n"))), ElementsAre("a", "b\nc", "\nd"));
}

TEST(TextDocuments, EmptyOnesAreCounted) {
  const TempDir dir;
  const auto setup = text_with_separator("##");
  DocumentReader reader(file_of(dir.write("a.txt", "a## \r\n\t##b##"), DataFormat::kText), setup.source, {});
  EXPECT_THAT(texts_of(read_all(reader)), ElementsAre("a", "b"));
  EXPECT_EQ(reader.empty_documents(), 1U);
  EXPECT_EQ(reader.documents(), 2U);
}

TEST(TextDocuments, BytesHaveOneRuleEach) {
  const Reading text = {.format = DataFormat::kText};
  EXPECT_THAT(error_in("ab\ncd\xff", text), HasSubstr("data:2:3: malformed UTF-8 (byte 0xff) at byte 5"));
  EXPECT_THAT(error_in("\xed\xa0\x80", text), HasSubstr("data:1:1: malformed UTF-8"));
  EXPECT_THAT(error_in("ab\xe2\x82", text), HasSubstr("data:1:3: malformed UTF-8"));
  EXPECT_THAT(error_in(std::string("a\n\0b\xff", 5), text), HasSubstr("data:2:1: NUL at byte 2"));
  EXPECT_THAT(error_in(std::string("\xff\xfe"
                                   "a\0",
                                   4),
                       text),
              HasSubstr("try iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(texts_of(read_bytes("\xef\xbb\xbfx\xef\xbb\xbf", text)), ElementsAre("x\xef\xbb\xbf"));
  EXPECT_THAT(texts_of(read_bytes("a\r\nb\rc\xef\xbf\xbe", text)), ElementsAre("a\r\nb\rc\xef\xbf\xbe"));
}

TEST(TextDocuments, PlacesCountFromTheLineThatAnEarlierDocumentBegan) {
  EXPECT_THAT(error_in("a\nbc##d\xff", text_with_separator("##")),
              HasSubstr("data:2:6: malformed UTF-8 (byte 0xff) at byte 7"));
}

TEST(TextDocuments, NoUsableDocumentIsAnError) {
  EXPECT_THAT(error_in(" \n\t\r\n", {.format = DataFormat::kText}), HasSubstr("data: no usable document"));
  EXPECT_THAT(error_in("\xef\xbb\xbf", {.format = DataFormat::kText}), HasSubstr("data: no usable document"));
  EXPECT_THAT(error_in("##\n##", text_with_separator("##")), HasSubstr("got 2 empty"));
}

TEST(PieceEnd, IsAfterTheLastNewlineBetweenWords) {
  EXPECT_EQ(piece_end("aa\nbb\ncc", 7), 6U);
  EXPECT_EQ(piece_end("aa\nbb\n\nc", 7), 3U);  // the later ones touch white space
  EXPECT_EQ(piece_end("aa\nbb\n c", 7), 3U);   // so does this one
  EXPECT_EQ(piece_end("aa\nbb \nc", 7), 3U);
  EXPECT_EQ(piece_end("aa\nbb\xe3\x80\x80\nc", 9), 3U);  // an ideographic space
  EXPECT_EQ(piece_end("\xed\x95\x9c\n\xea\xb8\x80\n\xec", 8), 8U);
}

TEST(PieceEnd, IsElseAfterTheLastNewline) {
  EXPECT_EQ(piece_end("a\n\nb\n\nccc", 7), 6U);
  EXPECT_EQ(piece_end("\naaaaaaaa", 7), 1U);
}

TEST(PieceEnd, IsElseBeforeTheCharacterThatDoesNotFit) {
  EXPECT_EQ(piece_end("aaaaaaaa", 7), 7U);
  EXPECT_EQ(piece_end("aaaaaa\xed\x95\x9c", 7), 6U);
  EXPECT_EQ(piece_end("aaaaaa\xed\x95\x9c", 8), 6U);
  EXPECT_EQ(piece_end("aaaaa\xed\x95\x9c"
                      "b",
                      8),
            8U);
  EXPECT_EQ(piece_end("\x80\x80\x80\x80\x80\x80\x80\x80", 7), 7U);  // no text: refused where it is checked
}

std::vector<std::uint32_t> ends_of(PretokenizerPattern pattern, std::string_view text) {
  std::vector<std::uint32_t> ends;
  scan_pretokens(pattern, text, ends);
  return ends;
}

// The promise of document_source.h: cut at a newline between characters that are not white space, the two parts give
// the pre-tokens of the whole; and where there is such a place, it is taken.
TEST(PieceEnd, CutsWherePreTokenizersCutAnyway) {
  const std::vector<std::string> parts = {"word", "12345", ".",    "'s",       "DON'T",       "!?", "_",
                                          "é",    "😀",     "한국", "\n",       "\n",          "\n", "\r\n",
                                          " ",    "  ",    "\t",   "\xc2\xa0", "\xe3\x80\x80"};
  const std::size_t words = 10;  // parts before are no white space
  std::uint64_t state = 7;
  int cuts = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    std::vector<std::size_t> drawn;
    std::vector<std::size_t> places;  // behind a newline that stands alone
    for (std::size_t i = 0; i < 40; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      drawn.push_back((state >> 33U) % parts.size());
      if (i > 1 && drawn[i] < words && parts[drawn[i - 1]] == "\n" && drawn[i - 2] < words)
        places.push_back(text.size());
      text += parts[drawn[i]];
    }
    const std::size_t max_piece = text.size() - 1;
    if (places.empty()) continue;
    ASSERT_EQ(piece_end(text, max_piece), places.back());
    for (const auto pattern : {PretokenizerPattern::kGpt2, PretokenizerPattern::kLlama3, PretokenizerPattern::kQwen2}) {
      auto joined = ends_of(pattern, std::string_view(text).substr(0, places.back()));
      for (const auto end : ends_of(pattern, std::string_view(text).substr(places.back()))) {
        joined.push_back(end + static_cast<std::uint32_t>(places.back()));
      }
      EXPECT_EQ(joined, ends_of(pattern, text)) << text;
    }
    ++cuts;
  }
  EXPECT_GT(cuts, 1000);
}

TEST(TextDocuments, LongOnesComeInPiecesThatJoinToTheWhole) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "line " + std::to_string(i * 7) + (i % 5 == 0 ? "\n\n" : "\n");
  for (const std::size_t max_piece : {64UL, 1000UL, 4096UL}) {
    Reading setup = {.format = DataFormat::kText, .rules = {.max_piece = max_piece}};
    const auto pieces = read_bytes(text, setup);
    std::string joined;
    std::uint64_t line = 1;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      EXPECT_EQ(pieces[i].offset, joined.size());
      EXPECT_EQ(pieces[i].line, line);
      EXPECT_LE(pieces[i].text.size(), max_piece);
      EXPECT_EQ(pieces[i].continues, i + 1 < pieces.size());
      joined += pieces[i].text;
      line += static_cast<std::uint64_t>(std::count(pieces[i].text.begin(), pieces[i].text.end(), '\n'));
    }
    EXPECT_EQ(joined, text);
    EXPECT_GT(pieces.size(), text.size() / max_piece);
  }
}

TEST(TextDocuments, PiecesAndSeparatorsAgreeAtEveryDistance) {
  // The separator moves across the edge of the piece byte by byte.
  for (std::size_t length = 1; length <= 24; ++length) {
    auto setup = text_with_separator("<|>");
    setup.rules.max_piece = 8;
    const std::string first(length, 'a');
    const auto pieces = read_bytes(first + "<|>" + "bb" + "<|>", setup);
    std::vector<std::string> documents(1);
    for (const auto& piece : pieces) {
      documents.back() += piece.text;
      if (!piece.continues) documents.emplace_back();
    }
    EXPECT_THAT(documents, ElementsAre(first, "bb", "")) << length;
  }
}

TEST(TextDocuments, PiecesDoNotDependOnTheContainer) {
  const TempDir dir;
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += std::to_string(i * 2654435761U) + (i % 7 == 0 ? "\n" : " ");
  const ReadRules rules = {.max_piece = 10'000};
  std::vector<std::vector<std::string>> seen;
  for (const auto& path : {dir.write("a", text), dir.write("b", gzip_bytes(text)), dir.write("c", zstd_bytes(text))}) {
    DocumentReader reader(file_of(path, DataFormat::kText), {}, rules);
    seen.push_back(texts_of(read_all(reader)));
    EXPECT_EQ(reader.documents(), 1U);
    EXPECT_EQ(reader.sha256(), sha256_hex(slurp(path)));
  }
  EXPECT_GT(seen[0].size(), 10U);
  EXPECT_EQ(seen[1], seen[0]);
  EXPECT_EQ(seen[2], seen[0]);
}

TEST(TextDocuments, MemoryDoesNotGrowWithTheFile) {
  const TempDir dir;
  std::string text;
  while (text.size() < (std::size_t{64} << 20U))
    text += "All the world's a stage, and all the men and women merely players.\n";
  const auto path = dir.write("a.txt", text);
  text = std::string();
  text.shrink_to_fit();
  const ReadRules rules = {.max_piece = std::size_t{1} << 20U};
#ifdef __SANITIZE_THREAD__
  constexpr long kMost = 48 * 1024;  // ThreadSanitizer's shadow of what is read is resident as well
#else
  constexpr long kMost = 16 * 1024;
#endif
  const long before = resident_kib();
  DocumentReader reader(file_of(path, DataFormat::kText), {}, rules);
  Document document;
  while (reader.next(document)) {
    ASSERT_LT(resident_kib() - before, kMost);
  }
  EXPECT_EQ(reader.documents(), 1U);
}

}  // namespace
}  // namespace llmtrain
