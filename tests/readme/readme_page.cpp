#include "tests/readme/readme_page.h"

#include <algorithm>
#include <regex>
#include <sstream>

#include <fmt/format.h>

namespace llmtrain {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kFileMark = "<!-- file: ";
constexpr std::string_view kMarkEnd = "-->";
constexpr std::string_view kPrompt = "$ ";

std::string trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return "";
  return std::string(text.substr(from, text.find_last_not_of(' ') - from + 1));
}

std::vector<std::string> code_spans(const std::string& line) {
  static const std::regex kSpan("`([^`]+)`");
  std::vector<std::string> spans;
  for (auto it = std::sregex_iterator(line.begin(), line.end(), kSpan); it != std::sregex_iterator(); ++it) {
    spans.push_back((*it)[1]);
  }
  return spans;
}

// The page line by line; what stands in fences and in marks is taken whole.
class PageReader {
 public:
  explicit PageReader(std::string_view text) : lines_(split_lines(text)) {}

  ReadmePage read() {
    while (at_ < lines_.size()) {
      const std::string& line = lines_[at_];
      if (line.starts_with(kFence)) {
        read_fence();
      } else if (line.starts_with(kFileMark)) {
        read_mark();
      } else {
        read_text();
        ++at_;
      }
    }
    return std::move(page_);
  }

 private:
  void read_mark() {
    const std::size_t mark = at_++;
    const std::string name = trimmed(std::string_view(lines_[mark]).substr(kFileMark.size()));
    if (name.ends_with(kMarkEnd)) {
      file_name_ = trimmed(std::string_view(name).substr(0, name.size() - kMarkEnd.size()));
      return;
    }
    std::string content;
    for (; at_ < lines_.size() && lines_[at_] != kMarkEnd; ++at_) content += lines_[at_] + "\n";
    ++at_;
    page_.files.push_back({mark + 1, name, content, false});
  }

  void read_fence() {
    const std::size_t fence = at_++;
    const std::string language = lines_[fence].substr(kFence.size());
    std::string content;
    std::vector<std::string> block;
    for (; at_ < lines_.size() && !lines_[at_].starts_with(kFence); ++at_) {
      block.push_back(lines_[at_]);
      content += lines_[at_] + "\n";
    }
    ++at_;
    if (file_name_) {
      page_.files.push_back({fence + 1, *file_name_, content, true});
    } else if (language == "yaml") {
      page_.parts.push_back({fence + 1, "", content, true});
    } else {
      read_session(fence + 2, block);
    }
    file_name_.reset();
  }

  void read_session(std::size_t first_line, const std::vector<std::string>& block) {
    bool ours = false;
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::size_t line = first_line + i;
      if (block[i].starts_with(kPrompt)) {
        std::string text = block[i].substr(kPrompt.size());
        while (text.ends_with('\\') && i + 1 < block.size()) text = text.substr(0, text.size() - 1) + block[++i];
        ours = text.starts_with("llmtrain ");
        if (ours) page_.commands.push_back({line, text, {}});
      } else if (ours) {
        page_.commands.back().shown.push_back(block[i]);
      } else if (block[i].starts_with("scripts/")) {
        page_.scripts.push_back({line, block[i].substr(0, block[i].find(' '))});
      }
    }
  }

  // A line outside of fences. Tables are rows of "| … | … |" with their names in the first.
  void read_text() {
    const std::string& line = lines_[at_];
    if (!line.starts_with('|')) {
      in_table_of_commands_ = false;
      for (const auto& span : code_spans(line)) mention(span, "");
      return;
    }
    const bool first_row = at_ == 0 || !lines_[at_ - 1].starts_with('|');
    const auto cells = line.substr(0, line.find_last_of('|'));
    const auto last_cell = cells.substr(cells.find_last_of('|') + 1);
    if (first_row) in_table_of_commands_ = trimmed(last_cell) == "command";
    std::string before;
    for (const auto& span : code_spans(line)) {
      mention(span, in_table_of_commands_ ? before : "");
      if (span.starts_with("llmtrain ")) before = span;
    }
  }

  void mention(const std::string& span, const std::string& after) {
    static const std::regex kWords("[a-z][a-z-]*( .*)?");
    const bool whole = span.starts_with("llmtrain ");
    if (whole || (!after.empty() && std::regex_match(span, kWords))) {
      page_.mentions.push_back({at_ + 1, span, whole ? "" : after});
    }
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
  std::optional<std::string> file_name_;
  bool in_table_of_commands_ = false;
  ReadmePage page_;
};

std::string replaced(const std::string& line, const char* pattern, const char* by) {
  return std::regex_replace(line, std::regex(pattern), by);
}

// "1.1 MiB in 0.02 s (54.5 MiB/s)" is "1.1 MiB in # s (#/s)", wherever it was measured.
std::string without_times(std::string line) {
  line = replaced(line, R"([0-9][0-9.,]*[KMBT]?( [KMGT]?i?B| [a-z]+)?/s)", "#/s");
  line = replaced(line, R"(([0-9]+ h )?([0-9]+ m )?[0-9][0-9.]* s\b)", "# s");
  return line;
}

std::string shape_of(std::string line) {
  if (line.starts_with("  | ")) return "  | …";
  line = replaced(line, "( (▁|▂|▃|▄|▅|▆|▇|█)+)", "");
  line = replaced(line, R"(-?[0-9][0-9.,:]*(e[-+]?[0-9]+)?[kKMBT]?%?)", "#");
  line = replaced(line, R"((eta|MFU) -)", "$1 #");
  line = replaced(line, R"(\bthread\b)", "threads");
  line = replaced(line, " +", " ");  // columns are as wide as their numbers
  return line;
}

std::string listed(const std::vector<std::string>& lines) { return fmt::format("    {}", fmt::join(lines, "\n    ")); }

std::string text_difference(const std::vector<std::string>& shown, const std::vector<std::string>& printed) {
  std::size_t at = 0;
  bool any = false;
  for (const auto& line : shown) {
    if (line == "...") {
      any = true;
      continue;
    }
    const auto wanted = without_times(line);
    const auto same = [&](const std::string& candidate) { return without_times(candidate) == wanted; };
    const auto from = printed.begin() + static_cast<std::ptrdiff_t>(at);
    const auto found =
        any ? std::find_if(from, printed.end(), same) : (from != printed.end() && same(*from) ? from : printed.end());
    if (found == printed.end()) {
      const auto instead = at < printed.size() && !any ? printed[at] : std::string("no such line");
      return fmt::format("  shown:   {}\n  printed: {}\n  in all:\n{}", line, instead, listed(printed));
    }
    at = static_cast<std::size_t>(found - printed.begin()) + 1;
    any = false;
  }
  if (any || at == printed.size()) return "";
  const std::vector<std::string> rest(printed.begin() + static_cast<std::ptrdiff_t>(at), printed.end());
  return fmt::format("  shown:   nothing more\n  printed:\n{}", listed(rest));
}

std::string shape_difference(const std::vector<std::string>& shown, const std::vector<std::string>& printed) {
  std::vector<std::string> wanted;
  auto at = printed.begin();
  for (const auto& line : shown) {
    const auto shape = shape_of(line);
    if (line == "..." || std::find(wanted.begin(), wanted.end(), shape) != wanted.end()) continue;
    wanted.push_back(shape);
    at = std::find_if(at, printed.end(), [&](const std::string& candidate) { return shape_of(candidate) == shape; });
    if (at == printed.end()) {
      return fmt::format("  shown:   {}\n  printed: no line of that shape ({}) in its place\n  in all:\n{}", line,
                         shape, listed(printed));
    }
    ++at;
  }
  return "";
}

}  // namespace

ReadmePage read_readme(std::string_view text) { return PageReader(text).read(); }

std::string difference(const std::vector<std::string>& shown, const std::vector<std::string>& printed,
                       Likeness likeness) {
  return likeness == Likeness::kText ? text_difference(shown, printed) : shape_difference(shown, printed);
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace llmtrain
