#include "lib/data/choice_tokens.h"

#include <algorithm>

namespace llmtrain {

std::optional<TokenRun> continuation_run(const Tokenizer& tokenizer, std::string_view prompt,
                                         std::string_view continuation, std::optional<std::uint32_t> begin) {
  std::string whole(prompt);
  whole += continuation;
  const auto end = prompt.find_last_not_of(" \t\n\v\f\r");
  const auto kept = prompt.substr(0, end == std::string_view::npos ? 0 : end + 1);
  std::size_t given = tokenizer.encode(kept, SpecialText::kAsToken).size();
  const auto ids = tokenizer.encode(whole, SpecialText::kAsToken);
  TokenRun run;
  if (given == 0) {
    if (!begin) return std::nullopt;
    run.ids.push_back(static_cast<std::int32_t>(*begin));
    given = 1;
  }
  run.ids.insert(run.ids.end(), ids.begin(), ids.end());
  run.first = given;
  if (run.first >= run.ids.size()) return std::nullopt;
  return run;
}

std::optional<std::size_t> shorten(TokenRun& run, std::size_t context) {
  const std::size_t left_out = run.ids.size() - std::min(run.ids.size(), context + 1);
  if (run.first <= left_out) return std::nullopt;
  run.ids.erase(run.ids.begin(), run.ids.begin() + static_cast<std::ptrdiff_t>(left_out));
  run.first -= left_out;
  return left_out;
}

}  // namespace llmtrain
