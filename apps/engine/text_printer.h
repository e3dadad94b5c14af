#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/generate/made_text.h"

namespace llmtrain {

// A text that is to be printed.
struct PrintedRequest {
  std::string prompt;
  std::int64_t index = 0;  // of the prompt
  std::uint32_t sample = 0;
};

struct PrintOptions {
  std::function<bool(std::string_view)> write;  // write_stdout, whose false ends everything
  bool json = false;      // an object a line: index, sample, prompt, text, tokens, finish_reason, seed
  bool terminal = false;  // control characters are shown, not sent
  std::uint64_t seed = 0;
};

// Prints texts in the order of the requests, whatever the order in which they are made. Plain: each prompt with what
// came after it, the first that has not ended as it grows, lines of "---" between them.
class TextPrinter {
 public:
  TextPrinter(std::vector<PrintedRequest> requests, PrintOptions options);

  void piece(std::size_t request, std::string_view text);
  void end(std::size_t request, const MadeText& text);
  bool wanted() const { return wanted_; }
  std::size_t ended() const { return ended_; }
  // Once nothing more is made: prints what has ended but waits for another text, and ends the line.
  void finish();

 private:
  struct Kept {
    std::string text;  // not printed yet
    std::int64_t tokens = 0;
    EndReason reason = EndReason::kLength;
    bool ended = false;
  };
  void print(std::string_view text);
  void print_plain(std::size_t request);
  void print_json(std::size_t request);
  void advance();

  std::vector<PrintedRequest> requests_;
  PrintOptions options_;
  std::vector<Kept> kept_;
  std::size_t next_ = 0;   // the first that is not printed whole
  std::size_t ended_ = 0;  // how many have ended
  bool begun_ = false;     // of `next_`
  bool first_ = true;
  bool wanted_ = true;
};

// Control characters but line feed and tab as visible ones: a text cannot move the cursor or change the colours of the
// terminal that shows it.
std::string shown_controls(std::string_view text);

}  // namespace llmtrain
