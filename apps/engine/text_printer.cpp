#include "apps/engine/text_printer.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

const char* finish_reason(EndReason reason) {
  switch (reason) {
    case EndReason::kEndId:
      return "eos";
    case EndReason::kStopped:
      return "stop";
    case EndReason::kLength:
      break;
  }
  return "length";
}

}  // namespace

std::string shown_controls(std::string_view text) {
  constexpr std::uint32_t kPictures = 0x2400;  // of the control characters below space
  constexpr std::uint32_t kDeletePicture = 0x2421;
  constexpr std::uint32_t kReplacement = 0xFFFD;
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) {
      append_utf8(shown, kReplacement);
      ++i;
    } else if (byte == 0x7F) {
      append_utf8(shown, kDeletePicture);
    } else if (byte < 0x20 && byte != '\n' && byte != '\t') {
      append_utf8(shown, kPictures + byte);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

TextPrinter::TextPrinter(std::vector<PrintedRequest> requests, PrintOptions options)
    : requests_(std::move(requests)), options_(std::move(options)), kept_(requests_.size()) {}

void TextPrinter::piece(std::size_t request, std::string_view text) {
  kept_[request].text += text;
  if (request == next_ && !options_.json) print_plain(request);
}

void TextPrinter::end(std::size_t request, const MadeText& text) {
  auto& kept = kept_[request];
  kept.tokens = text.tokens;
  kept.reason = text.reason;
  kept.ended = true;
  ++ended_;
  while (next_ < kept_.size() && kept_[next_].ended) advance();
}

void TextPrinter::finish() {
  for (; next_ < kept_.size(); advance()) {
    // Of those that did not end only what is on the screen already gets its line's end.
    while (next_ < kept_.size() && !kept_[next_].ended && !begun_) ++next_;
    if (next_ == kept_.size()) return;
  }
}

// Prints the rest of the next text.
void TextPrinter::advance() {
  if (options_.json) {
    print_json(next_);
  } else {
    print_plain(next_);
    print("\n");
  }
  kept_[next_].text = {};
  begun_ = false;
  ++next_;
}

void TextPrinter::print(std::string_view text) {
  if (wanted_) wanted_ = options_.write(text);
}

void TextPrinter::print_plain(std::size_t request) {
  std::string text;
  if (!begun_) {
    if (!first_) text += "---\n";
    text += requests_[request].prompt;
    first_ = false;
    begun_ = true;
  }
  text += std::exchange(kept_[request].text, {});
  print(options_.terminal ? shown_controls(text) : text);
}

void TextPrinter::print_json(std::size_t request) {
  const auto& made = kept_[request];
  const nlohmann::ordered_json line = {{"index", requests_[request].index},
                                       {"sample", requests_[request].sample},
                                       {"prompt", requests_[request].prompt},
                                       {"text", made.text},
                                       {"tokens", made.tokens},
                                       {"finish_reason", finish_reason(made.reason)},
                                       {"seed", options_.seed}};
  print(line.dump() + "\n");
}

}  // namespace llmtrain
