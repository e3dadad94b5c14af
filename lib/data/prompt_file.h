#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace llmtrain {

// A text to go on from.
struct Prompt {
  std::string text;   // well-formed UTF-8 without NUL
  std::string place;  // for messages: "prompts.jsonl:3"
};

// The prompts of a file: JSON lines with the string `prompt` where the first character beside white space is "{", else
// one a line. Blank lines are passed over; a carriage return before a line feed belongs to the line's end. `name`: the
// file, for messages. Throws input_error (3) with NAME:LINE:COL for malformed lines, UTF-8 or NUL, and where there is
// no prompt.
std::vector<Prompt> parse_prompts(std::string_view text, const std::string& name);

// All of the text as one prompt. Throws as above.
Prompt whole_prompt(std::string text, const std::string& name);

}  // namespace llmtrain
