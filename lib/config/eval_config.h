#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/pattern.h"
#include "lib/config/fields.h"

namespace llmtrain {

// How well the model predicts the text of files.
struct PerplexityTask {
  std::optional<std::string> name;
  std::string path;
  std::optional<std::string> field;
  std::optional<std::string> document_separator;
  std::optional<std::int64_t> context;
  std::optional<std::int64_t> stride;
};

template <class Visitor>
void fields(PerplexityTask& c, Visitor&& visit) {
  visit("name", c.name, "What the task is called; the file's name where it is not given.", not_empty);
  visit("path", c.path, "Text or JSON lines: a file, a folder, or a glob.", required);
  visit("field", c.field, "The key that holds the text in JSON lines; 'text' where it is not given.", not_empty);
  visit("document_separator", c.document_separator, "Cuts a text file into documents; without it a file is one.",
        not_empty);
  visit("context", c.context, "Most tokens that a prediction sees; as many as the model is made for if not given.",
        at_least(2));
  visit("stride", c.stride,
        "Tokens that a window of `context` tokens moves on in a long document, so that every token but the first ones "
        "has at least context - stride before it; half of context where it is not given.",
        positive);
}

inline void check(const PerplexityTask& c, Contradictions& out) {
  if (c.context && c.stride && *c.stride > *c.context) {
    out.add("stride", "longer than the window: got " + std::to_string(*c.stride) + " of " + std::to_string(*c.context) +
                          " tokens (context), so tokens between two windows would be left out");
  }
  if (c.field && c.document_separator) {
    out.add("document_separator", "'field' is for JSON lines and 'document_separator' for text; keep one");
  }
}

// Which of several texts the model finds likeliest behind a prompt.
struct MultipleChoiceTask {
  std::optional<std::string> name;
  std::string path;
  std::string prompt_field = "prompt";
  std::string choices_field = "choices";
  std::string answer_field = "answer";
  std::string separator = " ";
};

template <class Visitor>
void fields(MultipleChoiceTask& c, Visitor&& visit) {
  visit("name", c.name, "What the task is called; the file's name where it is not given.", not_empty);
  visit("path", c.path, "JSON lines: a file, a folder, or a glob.", required);
  visit("prompt_field", c.prompt_field, "The key that holds the text before the choice.", not_empty);
  visit("choices_field", c.choices_field, "The key that holds the list of choices, two texts or more.", not_empty);
  visit("answer_field", c.answer_field, "The key that holds the right choice's index, from 0.", not_empty);
  visit("separator", c.separator, "Stands between prompt and choice.");
}

namespace detail {

inline void check_distinct(const std::vector<std::pair<const char*, std::string>>& keys, Contradictions& out) {
  for (std::size_t i = 1; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (keys[i].second == keys[j].second) {
        out.add(keys[i].first, "the same key as " + std::string(keys[j].first) + ": '" + keys[i].second + "'");
      }
    }
  }
}

}  // namespace detail

inline void check(const MultipleChoiceTask& c, Contradictions& out) {
  detail::check_distinct(
      {{"prompt_field", c.prompt_field}, {"choices_field", c.choices_field}, {"answer_field", c.answer_field}}, out);
}

enum class TakenMatch { kFirst, kLast };
template <>
struct EnumTable<TakenMatch> {
  static constexpr std::array<std::pair<TakenMatch, std::string_view>, 2> names = {
      {{TakenMatch::kFirst, "first"}, {TakenMatch::kLast, "last"}}};
};

// Whether what the model writes behind a prompt is the answer.
struct ExactMatchTask {
  std::optional<std::string> name;
  std::string path;
  std::string prompt_field = "prompt";
  std::string answer_field = "answer";
  std::int64_t max_tokens = 64;
  std::vector<std::string> stop;
  std::optional<std::string> pattern;
  TakenMatch take = TakenMatch::kFirst;
  bool ignore_case = false;
  std::vector<std::string> remove;
};

template <class Visitor>
void fields(ExactMatchTask& c, Visitor&& visit) {
  visit("name", c.name, "What the task is called; the file's name where it is not given.", not_empty);
  visit("path", c.path, "JSON lines: a file, a folder, or a glob.", required);
  visit("prompt_field", c.prompt_field, "The key that holds the text that the model goes on from.", not_empty);
  visit("answer_field", c.answer_field, "The key that holds the answer, a text or a number.", not_empty);
  visit("max_tokens", c.max_tokens, "Longest text after a prompt, in tokens; each is the likeliest.", positive);
  visit("stop", c.stop, "Texts before which the output ends, beside the model's own end.");
  visit("pattern", c.pattern,
        "A regular expression (PCRE2): what is compared is what it finds in the output, its first group that is not "
        "empty where it has one; the same in the answer where it finds something there, else all of it.",
        not_empty);
  visit("take", c.take, "Which match of the pattern in the output counts.");
  visit("ignore_case", c.ignore_case, "Upper and lower case are the same.");
  visit("remove", c.remove, "Texts taken out of both sides before they are compared, such as the comma in 1,000.");
}

inline void check(const ExactMatchTask& c, Contradictions& out) {
  detail::check_distinct({{"prompt_field", c.prompt_field}, {"answer_field", c.answer_field}}, out);
  if (c.pattern) {
    if (const auto fault = pattern_fault(*c.pattern)) out.add("pattern", "not a regular expression: " + *fault);
  }
  for (const auto& [key, texts] : {std::pair("stop", &c.stop), std::pair("remove", &c.remove)}) {
    if (std::find(texts->begin(), texts->end(), "") != texts->end()) out.add(key, "holds an empty text");
  }
  if (c.take == TakenMatch::kLast && !c.pattern) out.add("take", "there is no 'pattern' whose match could be taken");
}

// What `llmtrain eval` measures. Each kind of task has its own list, so a key that a kind does not read is unknown.
struct EvalConfig {
  bool held_out = true;
  std::vector<PerplexityTask> perplexity;
  std::vector<MultipleChoiceTask> multiple_choice;
  std::vector<ExactMatchTask> exact_match;
  std::int64_t batch_tokens = 4096;
};

template <class Visitor>
void fields(EvalConfig& c, Visitor&& visit) {
  visit("held_out", c.held_out, "Loss on what pretrain.data.validation holds out, as training measures it, if any.");
  visit("perplexity", c.perplexity, "Loss, perplexity and bits a byte of files.");
  visit("multiple_choice", c.multiple_choice, "How often the right choice is the likeliest one.");
  visit("exact_match", c.exact_match, "How often the text that the model writes is the answer.");
  visit("batch_tokens", c.batch_tokens, "Tokens that go through the model at once, or one text where it is longer.",
        positive);
}

}  // namespace llmtrain
