#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// Text that grows a token at a time, whose tokens may end inside a character: hands out whole characters, none that may
// yet turn out to be the beginning of a stop string. Bytes that are no UTF-8 become U+FFFD, one for each longest
// beginning of a character (Unicode 16, section 3.9, "substitution of maximal subparts"), as the decoders of the
// `tokenizers` package do. However the bytes are cut into pieces, what is handed out adds up to the same.
class TextStream {
 public:
  // stops: well-formed and not empty. Before the first that is complete the text ends; of several that one token
  // completes, before the one that begins first.
  explicit TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Takes more bytes; gives what can be shown now. Nothing after a stop string.
  std::string push(std::string_view bytes);
  // What is left, once no more will come.
  std::string finish();
  bool stopped() const { return stopped_; }

 private:
  std::size_t maybe_a_stop() const;

  std::vector<std::string> stops_;
  std::string held_;  // not handed out yet
  bool stopped_ = false;
};

}  // namespace llmtrain
