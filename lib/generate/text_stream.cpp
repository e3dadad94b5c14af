#include "lib/generate/text_stream.h"

#include <algorithm>

namespace llmtrain {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// The bytes that may follow the first one of a character (Unicode 16, table 3-7): how many, and what range the next of
// them is from; the others are continuation bytes.
struct Followers {
  std::size_t count = 0;
  unsigned char least = 0x80;
  unsigned char most = 0xBF;
  bool possible = true;  // for this first byte
};

Followers followers_of(unsigned char first) {
  if (first < 0x80) return {};
  if (first >= 0xC2 && first <= 0xDF) return {.count = 1};
  if (first == 0xE0) return {.count = 2, .least = 0xA0};
  if (first == 0xED) return {.count = 2, .most = 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {.count = 2};
  if (first == 0xF0) return {.count = 3, .least = 0x90};
  if (first >= 0xF1 && first <= 0xF3) return {.count = 3};
  if (first == 0xF4) return {.count = 3, .most = 0x8F};
  return {.possible = false};
}

// The longest beginning of a character at the front of the bytes, at least one byte.
struct Beginning {
  std::size_t size = 1;
  bool whole = false;
};

Beginning beginning_of(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  auto follow = followers_of(byte(0));
  if (!follow.possible) return {};
  std::size_t size = 1;
  while (size <= follow.count && size < bytes.size() && byte(size) >= follow.least && byte(size) <= follow.most) {
    follow.least = 0x80;
    follow.most = 0xBF;
    ++size;
  }
  return {.size = size, .whole = size == follow.count + 1};
}

// The text of all bytes, or of those before a last character that is not whole yet; these are taken from `bytes`.
std::string take_text(std::string& bytes, std::size_t count, bool all) {
  std::string text;
  std::size_t at = 0;
  while (at < count) {
    const auto rest = std::string_view(bytes).substr(at, count - at);
    const auto next = beginning_of(rest);
    if (!next.whole && !all && next.size == rest.size() && followers_of(static_cast<unsigned char>(rest[0])).possible) {
      break;
    }
    text += next.whole ? rest.substr(0, next.size) : kReplacement;
    at += next.size;
  }
  bytes.erase(0, at);
  return text;
}

}  // namespace

std::string TextStream::push(std::string_view bytes) {
  if (stopped_) return "";
  held_ += bytes;
  std::size_t first = std::string::npos;
  for (const auto& stop : stops_) first = std::min(first, held_.find(stop));
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    return finish();
  }
  return take_text(held_, held_.size() - maybe_a_stop(), false);
}

std::string TextStream::finish() { return take_text(held_, held_.size(), true); }

// How many bytes at the end are the beginning of a stop string.
std::size_t TextStream::maybe_a_stop() const {
  std::size_t most = 0;
  const std::string_view held = held_;
  for (const std::string_view stop : stops_) {
    for (std::size_t size = std::min(stop.size() - 1, held.size()); size > most; --size) {
      if (held.ends_with(stop.substr(0, size))) most = size;
    }
  }
  return most;
}

}  // namespace llmtrain
