#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/pattern.h"
#include "lib/config/eval_config.h"

namespace llmtrain {

// What of an output is compared with what of an answer, and how, as an exact-match task says.
class AnswerMatch {
 public:
  explicit AnswerMatch(const ExactMatchTask& task);

  // What the pattern takes out of the output, or all of the output where there is no pattern; without what is to be
  // removed and without white space at its ends. Nothing if the pattern finds nothing.
  std::optional<std::string> taken(std::string_view output) const;
  // The same of the answer, all of it where the pattern finds nothing there.
  std::string wanted(std::string_view answer) const;
  bool equal(const std::string& taken, const std::string& wanted) const;

 private:
  std::string cleaned(std::string text) const;

  std::optional<Pattern> pattern_;
  TakenMatch take_;
  bool ignore_case_;
  std::vector<std::string> remove_;
};

}  // namespace llmtrain
