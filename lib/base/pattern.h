#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

struct PatternOptions {
  bool ignore_case = false;
  bool literal = false;  // the text stands for itself
};

// Where a pattern was found, and its groups' texts; a group that took no part is empty.
struct PatternMatch {
  std::size_t begin = 0;  // bytes
  std::size_t end = 0;
  std::vector<std::string> groups;
};

// A regular expression of PCRE2's syntax over UTF-8; \d, \w, \s and case are Unicode's. Any bytes can be searched: no
// match goes over malformed UTF-8. Time and memory of a search are bounded, its stack is small: where a search takes
// more, it throws config_error (2), as the pattern is at fault.
class Pattern {
 public:
  // Throws config_error (2): "pattern 'a(': byte 2: ...".
  explicit Pattern(std::string text, PatternOptions options = {});
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  const std::string& text() const { return text_; }
  // The first match that begins at byte `from` or later.
  std::optional<PatternMatch> find(std::string_view subject, std::size_t from = 0) const;
  // The last of the matches that follow one another from the beginning, none over another.
  std::optional<PatternMatch> find_last(std::string_view subject) const;
  // Whether it matches the whole of it.
  bool matches(std::string_view subject) const;

 private:
  struct Compiled;
  std::optional<PatternMatch> search(std::string_view subject, std::size_t from, unsigned options) const;

  std::string text_;
  std::unique_ptr<const Compiled> compiled_;
};

// What is wrong with a pattern, without its text; nothing if it can be used.
std::optional<std::string> pattern_fault(const std::string& text);

}  // namespace llmtrain
