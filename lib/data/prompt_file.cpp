#include "lib/data/prompt_file.h"

#include <algorithm>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/io/jsonl.h"

namespace llmtrain {
namespace {

constexpr std::string_view kBlank = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Throws for bytes that are no text; `first_line` is the number of the text's first line.
void check_text(std::string_view text, const std::string& name, std::size_t first_line) {
  const auto malformed = find_invalid_utf8(text);
  const auto at = std::min(malformed.value_or(text.size()), text.find('\0'));
  if (at >= text.size()) return;
  const auto before = text.substr(0, at);
  const auto line = first_line + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  const auto column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  throw input_error("{}:{}:{}: {}, expected UTF-8 text", name, line, column,
                    text[at] == '\0' ? "a NUL byte" : "malformed UTF-8");
}

Prompt parse_json_line(JsonLineParser& parser, std::string_view line, const std::string& name, std::size_t number) {
  JsonLine parsed;
  if (const auto fault = parser.parse(line, parsed)) {
    throw input_error("{}:{}:{}: {}{}{}", name, number, fault->column, fault->what, fault->hint.empty() ? "" : "; try ",
                      fault->hint);
  }
  return {.text = parsed.text, .place = fmt::format("{}:{}", name, number)};
}

}  // namespace

std::vector<Prompt> parse_prompts(std::string_view text, const std::string& name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const auto first = text.find_first_not_of(kBlank);
  const bool json = first != std::string_view::npos && text[first] == '{';
  JsonLineRules rules;
  rules.field = "prompt";
  JsonLineParser parser(rules);
  std::vector<Prompt> prompts;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(kBlank) == std::string_view::npos) continue;
    if (json) {
      prompts.push_back(parse_json_line(parser, line, name, number));
    } else {
      check_text(line, name, number);
      prompts.push_back({.text = std::string(line), .place = fmt::format("{}:{}", name, number)});
    }
  }
  if (prompts.empty()) {
    throw input_error("{}: no prompt, expected one a line, or JSON lines such as {{\"prompt\": \"...\"}}", name);
  }
  return prompts;
}

Prompt whole_prompt(std::string text, const std::string& name) {
  check_text(text, name, 1);
  return {.text = std::move(text), .place = name};
}

}  // namespace llmtrain
