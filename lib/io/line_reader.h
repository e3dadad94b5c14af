#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/io/compressed.h"

namespace llmtrain {

struct Line {
  std::string_view bytes;    // without its line feed; until the next call
  std::uint64_t number = 0;  // from 1
  std::uint64_t offset = 0;  // in the expanded file
  bool too_long = false;     // longer than max_line; then `bytes` is its beginning, the rest is passed over
};

// Cuts a stream at line feeds, holding one line at most. The last line needs no line feed; one at the end of the file
// begins no line.
class LineReader {
 public:
  // max_line: bytes, without the line feed.
  LineReader(ExpandedStream stream, std::size_t max_line);

  // False at the end.
  bool next(Line& line);
  const ExpandedStream& stream() const { return stream_; }

 private:
  std::size_t shown_of_long_line() const;
  bool fill();
  void pass_over_rest();

  ExpandedStream stream_;
  std::size_t max_line_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not handed out yet
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;  // of begin_
  std::uint64_t number_ = 0;
};

}  // namespace llmtrain
