#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace llmtrain {

// Finds tokens that stand literally in text: the leftmost, and of those that start at one place the longest.
class AddedTokenMatcher {
 public:
  struct Match {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint32_t id = 0;
  };

  AddedTokenMatcher() : nodes_(1) {}
  // content: not empty.
  void add(std::string_view content, std::uint32_t id);
  bool empty() const { return nodes_.size() == 1; }
  // The first match at or after `from`.
  std::optional<Match> find(std::string_view text, std::size_t from) const;

 private:
  struct Node {  // of a trie
    std::vector<std::pair<unsigned char, std::uint32_t>> children;
    std::optional<std::uint32_t> id;
  };
  std::uint32_t child(std::uint32_t node, unsigned char byte) const;  // 0: none

  std::vector<Node> nodes_;
  std::array<bool, 256> starts_{};
};

}  // namespace llmtrain
