#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/data/document_source.h"
#include "lib/io/compressed.h"

namespace llmtrain {

// Where to end a piece of at most max_piece bytes of a longer text, as document_source.h says: 1 to max_piece bytes.
// text: more than max_piece bytes (the character behind a newline is looked at).
std::size_t piece_end(std::string_view text, std::size_t max_piece);

// Cuts a stream of text into documents and pieces, as document_source.h says; holds little more than one piece.
class TextCutter {
 public:
  TextCutter(ExpandedStream stream, std::optional<std::string> separator, std::size_t max_piece);

  // False at the end. Throws input_error for bytes that text may not hold.
  bool next(Document& document);
  std::uint64_t empty_documents() const { return empty_documents_; }
  const ExpandedStream& stream() const { return stream_; }

 private:
  std::string_view waiting() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void fill();
  void drop_byte_order_mark();
  void check(std::string_view text) const;
  void pass(std::string_view text);

  ExpandedStream stream_;
  std::string separator_;  // empty: none
  std::size_t max_piece_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what is not handed out yet
  std::size_t end_ = 0;
  bool at_end_ = false;  // of the stream
  bool started_ = false;
  bool inside_ = false;       // the next piece continues a document
  std::uint64_t offset_ = 0;  // of begin_ in the expanded file
  std::uint64_t line_ = 1;
  std::uint64_t line_offset_ = 0;  // where that line begins
  std::uint64_t empty_documents_ = 0;
};

}  // namespace llmtrain
