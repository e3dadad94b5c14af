#include "lib/data/answer_match.h"

#include <utility>

namespace llmtrain {
namespace {

std::string_view stripped(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

void remove_all(std::string& text, const std::string& what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at)) text.erase(at, what.size());
}

std::string text_of(const PatternMatch& match, std::string_view subject) {
  for (const auto& group : match.groups) {
    if (!group.empty()) return group;
  }
  return std::string(subject.substr(match.begin, match.end - match.begin));
}

}  // namespace

AnswerMatch::AnswerMatch(const ExactMatchTask& task)
    : take_(task.take), ignore_case_(task.ignore_case), remove_(task.remove) {
  if (task.pattern) pattern_.emplace(*task.pattern, PatternOptions{.ignore_case = task.ignore_case});
}

std::string AnswerMatch::cleaned(std::string text) const {
  for (const auto& what : remove_) remove_all(text, what);
  return std::string(stripped(text));
}

std::optional<std::string> AnswerMatch::taken(std::string_view output) const {
  if (!pattern_) return cleaned(std::string(output));
  const auto match = take_ == TakenMatch::kFirst ? pattern_->find(output) : pattern_->find_last(output);
  if (!match) return std::nullopt;
  return cleaned(text_of(*match, output));
}

std::string AnswerMatch::wanted(std::string_view answer) const {
  return taken(answer).value_or(cleaned(std::string(answer)));
}

bool AnswerMatch::equal(const std::string& taken, const std::string& wanted) const {
  if (!ignore_case_) return taken == wanted;
  return Pattern(wanted, {.ignore_case = true, .literal = true}).matches(taken);
}

}  // namespace llmtrain
