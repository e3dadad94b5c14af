#include "lib/data/text_windows.h"

#include "lib/base/error.h"

namespace llmtrain {

TextWindows::TextWindows(std::size_t context, std::size_t stride) : context_(context), stride_(stride) {
  ENSURE(stride >= 1 && stride <= context, stride, context);
}

void TextWindows::add(std::span<const std::uint32_t> ids) {
  ENSURE(!ended_);
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  ids_.insert(ids_.end(), ids.begin(), ids.end());
}

void TextWindows::end_document() { ended_ = true; }

std::optional<TokenRun> TextWindows::next() {
  const std::size_t left = ids_.size() - begin_;
  const auto from = ids_.begin() + static_cast<std::ptrdiff_t>(begin_);
  if (left > context_) {
    TokenRun run{.ids = {from, from + static_cast<std::ptrdiff_t>(context_ + 1)}, .first = first_};
    begin_ += stride_;
    first_ = context_ + 1 - stride_;
    return run;
  }
  if (!ended_) return std::nullopt;
  std::optional<TokenRun> last;
  if (left > first_) last = TokenRun{.ids = {from, ids_.end()}, .first = first_};
  ids_.clear();
  begin_ = 0;
  first_ = 1;
  ended_ = false;
  return last;
}

}  // namespace llmtrain
