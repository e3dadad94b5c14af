#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "lib/config/eval_config.h"

namespace llmtrain {

// A prompt and what may stand behind it.
struct ChoiceQuestion {
  std::string place;  // "facts.jsonl:12"
  std::string prompt;
  std::vector<std::string> choices;  // two or more, none empty
  std::size_t answer = 0;            // of choices
};

// A prompt and what should be written behind it.
struct MatchQuestion {
  std::string place;
  std::string prompt;
  std::string answer;
};

// All questions of a task's files, in order: one JSON object a line, blank lines passed over; keys beside those named
// by the task may hold anything. Throws input_error (3) "FILE:LINE: KEY: what, expected X, got Y, in LINE" for the
// first line that is not as it should be, for files that are no JSON lines, and for a task without a question;
// stopped_error (75).
std::vector<ChoiceQuestion> read_choice_questions(const MultipleChoiceTask& task);
std::vector<MatchQuestion> read_match_questions(const ExactMatchTask& task);

}  // namespace llmtrain
