#include "apps/engine/text_printer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace llmtrain {
namespace {

// What two prompts, the second of two samples, print.
class Printing {
 public:
  explicit Printing(bool json, bool terminal = false)
      : printer({{.prompt = "A", .index = 0, .sample = 0},
                 {.prompt = "B", .index = 1, .sample = 0},
                 {.prompt = "B", .index = 1, .sample = 1}},
                {.write =
                     [this](std::string_view text) {
                       out += text;
                       return !reader_gone;
                     },
                 .json = json,
                 .terminal = terminal,
                 .seed = 7}) {}

  void piece(std::size_t request, const std::string& text) {
    printer.piece(request, text);
    texts[request] += text;
  }
  void end(std::size_t request, EndReason reason = EndReason::kLength) {
    printer.end(request, {.text = texts[request], .tokens = 3, .reason = reason});
  }

  std::string out;
  bool reader_gone = false;
  std::string texts[3];
  TextPrinter printer;
};

TEST(TextPrinter, PrintsTheFirstAsItGrowsAndTheOthersAfterIt) {
  Printing p(false);
  p.piece(1, "two");
  EXPECT_EQ(p.out, "");
  p.piece(0, " on");
  EXPECT_EQ(p.out, "A on");
  p.end(1);
  p.piece(0, "e");
  EXPECT_EQ(p.out, "A one");
  p.end(0);
  EXPECT_EQ(p.out, "A one\n---\nBtwo\n");
  p.piece(2, " x");
  p.end(2);
  EXPECT_EQ(p.out, "A one\n---\nBtwo\n---\nB x\n");
  p.printer.finish();
  EXPECT_EQ(p.out, "A one\n---\nBtwo\n---\nB x\n");
}

TEST(TextPrinter, PrintsThePromptOfAnEmptyText) {
  Printing p(false);
  p.end(0, EndReason::kEndId);
  EXPECT_EQ(p.out, "A\n");
}

TEST(TextPrinter, PrintsWhatIsWholeAtAStop) {
  Printing p(false);
  p.piece(0, " on");
  p.piece(1, "tw");
  p.piece(2, " x");
  p.end(2);
  p.printer.finish();
  EXPECT_EQ(p.out, "A on\n---\nB x\n");
  EXPECT_EQ(p.printer.ended(), 1U);
}

TEST(TextPrinter, PrintsAnObjectALineInOrder) {
  Printing p(true);
  p.piece(1, "\xED\x96\x87\n");
  p.end(1, EndReason::kStopped);
  EXPECT_EQ(p.out, "");
  p.piece(0, "one");
  EXPECT_EQ(p.out, "");
  p.end(0, EndReason::kEndId);
  EXPECT_EQ(p.out, R"({"index":0,"sample":0,"prompt":"A","text":"one","tokens":3,"finish_reason":"eos","seed":7})"
                   "\n"
                   R"({"index":1,"sample":0,"prompt":"B","text":"햇\n","tokens":3,"finish_reason":"stop","seed":7})"
                   "\n");
  p.out.clear();
  p.end(2, EndReason::kLength);
  const auto line = nlohmann::json::parse(p.out);
  EXPECT_EQ(line.at("sample"), 1);
  EXPECT_EQ(line.at("finish_reason"), "length");
}

TEST(TextPrinter, PrintsOnlyWholeObjectsAtAStop) {
  Printing p(true);
  p.piece(0, "one");
  p.piece(1, "two");
  p.end(2);
  p.printer.finish();
  EXPECT_EQ(nlohmann::json::parse(p.out).at("sample"), 1);
}

TEST(TextPrinter, WantsNoMoreWhereTheReaderHasGone) {
  Printing p(false);
  EXPECT_TRUE(p.printer.wanted());
  p.reader_gone = true;
  p.piece(0, "x");
  EXPECT_FALSE(p.printer.wanted());
  p.out.clear();
  p.piece(0, "y");
  EXPECT_EQ(p.out, "");
}

TEST(TextPrinter, SendsNoControlCharactersToATerminal) {
  EXPECT_EQ(shown_controls("a\x1B[2J\tb\n\r\x7F"), "a\u241B[2J\tb\n\u240D\u2421");
  EXPECT_EQ(shown_controls("\xC2\x9B\xC2\xA9\xED\x96\x87"), "\uFFFD\u00A9\uD587");
  Printing terminal(false, true);
  terminal.piece(0, "\x1B");
  EXPECT_EQ(terminal.out, "A\u241B");
  Printing file(false, false);
  file.piece(0, "\x1B");
  EXPECT_EQ(file.out, "A\x1B");
}

}  // namespace
}  // namespace llmtrain
