#include "lib/io/line_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace llmtrain {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
constexpr std::size_t kShownOfLongLine = 256;

}  // namespace

LineReader::LineReader(ExpandedStream stream, std::size_t max_line)
    : stream_(std::move(stream)), max_line_(max_line), buffer_(kBlock) {}

std::size_t LineReader::shown_of_long_line() const { return std::min(kShownOfLongLine, max_line_); }

// Brings in more bytes behind those not handed out yet; false at the end of the stream.
bool LineReader::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(2 * buffer_.size(), max_line_ + kBlock));
  const std::size_t got = stream_.read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  return got > 0;
}

bool LineReader::next(Line& line) {
  std::size_t looked_at = 0;  // bytes of this line known to hold no line feed
  const char* feed = nullptr;
  bool more = true;
  while (true) {
    const char* start = buffer_.data() + begin_ + looked_at;
    const std::size_t rest = end_ - begin_ - looked_at;
    feed = rest == 0 ? nullptr : static_cast<const char*>(std::memchr(start, '\n', rest));
    looked_at = end_ - begin_;
    if (feed != nullptr || looked_at > max_line_ || !more) break;
    more = fill();
  }
  if (feed == nullptr && looked_at == 0) return false;
  const std::size_t length = feed == nullptr ? looked_at : static_cast<std::size_t>(feed - buffer_.data()) - begin_;
  line = {.bytes = {buffer_.data() + begin_, length},
          .number = ++number_,
          .offset = offset_,
          .too_long = length > max_line_};
  if (line.too_long && feed == nullptr) {
    pass_over_rest();
    line.bytes = {buffer_.data(), shown_of_long_line()};
    return true;
  }
  const std::size_t taken = length + (feed == nullptr ? 0 : 1);
  begin_ += taken;
  offset_ += taken;
  if (line.too_long) line.bytes = line.bytes.substr(0, shown_of_long_line());
  return true;
}

// Goes on behind the next line feed; the beginning of the line stays at the front of the buffer.
void LineReader::pass_over_rest() {
  const std::size_t kept = shown_of_long_line();
  std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
  offset_ += end_ - begin_;
  begin_ = end_ = kept;
  while (true) {
    const std::size_t got = stream_.read(buffer_.data() + kept, buffer_.size() - kept);
    const auto* feed = got == 0 ? nullptr : static_cast<const char*>(std::memchr(buffer_.data() + kept, '\n', got));
    end_ = kept + got;
    begin_ = feed == nullptr ? end_ : static_cast<std::size_t>(feed + 1 - buffer_.data());
    offset_ += begin_ - kept;
    if (feed != nullptr || got == 0) return;
  }
}

}  // namespace llmtrain
