#include "tests/tokenizer/pcre2_oracle.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {

Pcre2Oracle::Pcre2Oracle(std::string_view regex) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_ = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(regex.data()), regex.size(), PCRE2_UTF | PCRE2_UCP, &error,
                        &offset, nullptr);
  ENSURE(code_ != nullptr, error, offset);
  pcre2_jit_compile(code_, PCRE2_JIT_COMPLETE);  // where there is none, matching is interpreted
  match_ = pcre2_match_data_create_from_pattern(code_, nullptr);
  ENSURE(match_ != nullptr);
}

Pcre2Oracle::~Pcre2Oracle() {
  pcre2_match_data_free(match_);
  pcre2_code_free(code_);
}

std::vector<Pcre2Oracle::Match> Pcre2Oracle::find_all(std::string_view text) const {
  ENSURE(!find_invalid_utf8(text));
  std::vector<Match> matches;
  for (std::size_t at = 0; at < text.size();) {
    const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at, PCRE2_NO_UTF_CHECK,
                                  match_, nullptr);
    if (found == PCRE2_ERROR_NOMATCH) break;
    ENSURE(found > 0, found);
    const PCRE2_SIZE* const place = pcre2_get_ovector_pointer(match_);
    ENSURE(place[1] > place[0]);
    matches.push_back({place[0], place[1]});
    at = place[1];
  }
  return matches;
}

std::vector<std::uint32_t> Pcre2Oracle::piece_ends(std::string_view text) const {
  std::vector<std::uint32_t> ends;
  std::size_t last = 0;
  for (const auto& [begin, end] : find_all(text)) {
    if (begin != last) ends.push_back(static_cast<std::uint32_t>(begin));
    ends.push_back(static_cast<std::uint32_t>(end));
    last = end;
  }
  if (last != text.size()) ends.push_back(static_cast<std::uint32_t>(text.size()));
  return ends;
}

std::vector<bool> Pcre2Oracle::find_code_points() const {
  std::string text;
  std::vector<std::uint32_t> at;
  for (std::uint32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xd800 && code_point < 0xe000) continue;
    at.resize(text.size() + 1);
    at.back() = code_point;
    append_utf8(text, code_point);
  }
  std::vector<bool> matched(0x110000);
  for (const auto& match : find_all(text)) matched[at[match.begin]] = true;
  return matched;
}

std::string pcre2_unicode_version() {
  std::string version(24, '\0');
  const int size = pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version.data());
  ENSURE(size > 0, size);
  version.resize(static_cast<std::size_t>(size) - 1);
  return version;
}

}  // namespace llmtrain
