#include "lib/tokenizer/added_token_matcher.h"

#include "lib/base/error.h"

namespace llmtrain {

std::uint32_t AddedTokenMatcher::child(std::uint32_t node, unsigned char byte) const {
  for (const auto& [first, next] : nodes_[node].children) {
    if (first == byte) return next;
  }
  return 0;
}

void AddedTokenMatcher::add(std::string_view content, std::uint32_t id) {
  ENSURE(!content.empty(), id);
  starts_[static_cast<unsigned char>(content.front())] = true;
  std::uint32_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    std::uint32_t next = child(node, byte);
    if (next == 0) {
      next = static_cast<std::uint32_t>(nodes_.size());
      nodes_.emplace_back();
      nodes_[node].children.emplace_back(byte, next);
    }
    node = next;
  }
  nodes_[node].id = id;
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::find(std::string_view text, std::size_t from) const {
  if (empty()) return std::nullopt;
  for (std::size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    std::optional<Match> longest;
    std::uint32_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      node = child(node, static_cast<unsigned char>(text[i]));
      if (node == 0) break;
      if (nodes_[node].id) longest = {.begin = begin, .end = i + 1, .id = *nodes_[node].id};
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

}  // namespace llmtrain
