#include "lib/data/eval_questions.h"

#include <functional>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/base/strict_json.h"
#include "lib/base/text.h"
#include "lib/data/corpus_files.h"
#include "lib/io/line_reader.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxLine = std::size_t{64} << 20;
constexpr std::size_t kShownLine = 120;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

using EachLine = std::function<void(const JsonView& line, const std::string& place)>;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

void read_line(const Line& line, std::string_view bytes, const std::string& place, const EachLine& each) {
  try {
    if (line.too_long) throw input_error("{}: line too long, expected at most {}", place, human_bytes(kMaxLine));
    if (const auto bad = find_invalid_utf8(bytes)) {
      throw input_error("{}: byte {}: malformed UTF-8 (byte 0x{:02x})", place, *bad + 1,
                        static_cast<unsigned char>(bytes[*bad]));
    }
    const auto json = parse_strict_json(bytes, place);
    each(JsonView(json, place), place);
  } catch (const Error& error) {
    throw input_error("{}, in {}", error.what(), printable(bytes, kShownLine));
  }
}

void read_lines(const std::string& path, const EachLine& each) {
  DataSource source;
  source.path = path;
  source.format = DataFormat::kJsonl;
  for (const auto& file : list_corpus_files(source)) {
    LineReader lines(ExpandedStream(file.path, file.compression), kMaxLine);
    Line line;
    while (lines.next(line)) {
      stop_point("reading questions");
      auto bytes = line.bytes;
      if (line.number == 1 && bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
      if (!line.too_long && is_blank(bytes)) continue;
      read_line(line, bytes, fmt::format("{}:{}", file.path.string(), line.number), each);
    }
  }
}

std::vector<std::string> choices_of(const JsonView& list) {
  std::vector<std::string> choices;
  for (const auto& choice : list.elements()) {
    choices.push_back(choice.string());
    if (choices.back().empty()) choice.fail("empty choice, expected a text");
  }
  if (choices.size() < 2) list.fail(fmt::format("expected two choices or more, got {}", choices.size()));
  return choices;
}

std::size_t answer_of(const JsonView& answer, std::size_t choices) {
  const auto& value = answer.value();
  if (!value.is_number_integer() || value < 0 || value >= choices) {
    const auto got = value.is_number() ? value.dump() : std::string(value.type_name());
    answer.fail(
        fmt::format("expected the index of one of {} choices, from 0 to {}, got {}", choices, choices - 1, got));
  }
  return value.get<std::size_t>();
}

// A number as it is written.
std::string text_or_number(const JsonView& answer) {
  const auto& value = answer.value();
  if (value.is_number()) return value.dump();
  if (!value.is_string()) answer.fail(fmt::format("expected a text or a number, got {}", value.type_name()));
  if (is_blank(answer.string())) answer.fail("empty answer, expected a text");
  return answer.string();
}

void expect_any(bool any, const std::string& path) {
  if (!any) throw input_error("{}: no question, expected at least one line", path);
}

}  // namespace

std::vector<ChoiceQuestion> read_choice_questions(const MultipleChoiceTask& task) {
  std::vector<ChoiceQuestion> questions;
  read_lines(task.path, [&](const JsonView& line, const std::string& place) {
    ChoiceQuestion question{.place = place,
                            .prompt = line.member(task.prompt_field).string(),
                            .choices = choices_of(line.member(task.choices_field))};
    question.answer = answer_of(line.member(task.answer_field), question.choices.size());
    questions.push_back(std::move(question));
  });
  expect_any(!questions.empty(), task.path);
  return questions;
}

std::vector<MatchQuestion> read_match_questions(const ExactMatchTask& task) {
  std::vector<MatchQuestion> questions;
  read_lines(task.path, [&](const JsonView& line, const std::string& place) {
    questions.push_back({.place = place,
                         .prompt = line.member(task.prompt_field).string(),
                         .answer = text_or_number(line.member(task.answer_field))});
  });
  expect_any(!questions.empty(), task.path);
  return questions;
}

}  // namespace llmtrain
