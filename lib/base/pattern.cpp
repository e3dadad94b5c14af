#include "lib/base/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <array>
#include <utility>

#include <pcre2.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

// PCRE2's interpreter keeps its place on the heap. A search that goes wrong ends within a second and this memory.
constexpr std::uint32_t kMatchLimit = 5'000'000;
constexpr std::uint32_t kHeapLimitKiB = 64 * 1024;
constexpr std::size_t kMaxPatternBytes = 64 * 1024;
constexpr std::size_t kShownPattern = 100;

struct FreeCode {
  void operator()(pcre2_code* code) const { ::pcre2_code_free(code); }
};
struct FreeData {
  void operator()(pcre2_match_data* data) const { ::pcre2_match_data_free(data); }
};
struct FreeMatchContext {
  void operator()(pcre2_match_context* context) const { ::pcre2_match_context_free(context); }
};
struct FreeCompileContext {
  void operator()(pcre2_compile_context* context) const { ::pcre2_compile_context_free(context); }
};
using Code = std::unique_ptr<pcre2_code, FreeCode>;

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> words{};
  ::pcre2_get_error_message(code, words.data(), words.size());
  return reinterpret_cast<const char*>(words.data());
}

// A literal takes neither Unicode classes nor assertions, of which it has none.
std::uint32_t compile_options(const PatternOptions& options) {
  std::uint32_t flags = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
  flags |= options.literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  return options.ignore_case ? flags | PCRE2_CASELESS : flags;
}

// The code, or what is wrong.
std::pair<Code, std::string> compile(const std::string& text, const PatternOptions& options) {
  const std::unique_ptr<pcre2_compile_context, FreeCompileContext> context(::pcre2_compile_context_create(nullptr));
  ENSURE(context != nullptr);
  ::pcre2_set_max_pattern_length(context.get(), kMaxPatternBytes);
  int error = 0;
  PCRE2_SIZE offset = 0;
  Code code(::pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), compile_options(options), &error,
                            &offset, context.get()));
  if (code) return {std::move(code), ""};
  return {nullptr, fmt::format("byte {}: {}", offset, message_of(error))};
}

}  // namespace

struct Pattern::Compiled {
  Code code;
  std::unique_ptr<pcre2_match_context, FreeMatchContext> limits;
};

Pattern::Pattern(std::string text, PatternOptions options) : text_(std::move(text)) {
  auto [code, fault] = compile(text_, options);
  if (!code) throw config_error("pattern '{}': {}", printable(text_, kShownPattern), fault);
  auto compiled = std::make_unique<Compiled>();
  compiled->code = std::move(code);
  compiled->limits.reset(::pcre2_match_context_create(nullptr));
  ENSURE(compiled->limits != nullptr);
  ::pcre2_set_match_limit(compiled->limits.get(), kMatchLimit);
  ::pcre2_set_heap_limit(compiled->limits.get(), kHeapLimitKiB);
  compiled_ = std::move(compiled);
}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

std::optional<PatternMatch> Pattern::search(std::string_view subject, std::size_t from, unsigned options) const {
  ENSURE(from <= subject.size(), from, subject.size());
  const auto* code = compiled_->code.get();
  const std::unique_ptr<pcre2_match_data, FreeData> data(::pcre2_match_data_create_from_pattern(code, nullptr));
  ENSURE(data != nullptr);
  const char* bytes = subject.empty() ? "" : subject.data();  // a null pointer counts as a fault in older versions
  const int found = ::pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(bytes), subject.size(), from, options, data.get(),
                                  compiled_->limits.get());
  if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (found < 0) {
    throw config_error("pattern '{}': {} in a text of {}; try a simpler one", printable(text_, kShownPattern),
                       message_of(found), human_bytes(subject.size()));
  }
  const auto* places = ::pcre2_get_ovector_pointer(data.get());
  // \K in a lookahead can put the beginning behind the end.
  PatternMatch match{.begin = std::min(places[0], places[1]), .end = places[1], .groups = {}};
  for (std::uint32_t group = 1; group < ::pcre2_get_ovector_count(data.get()); ++group) {
    const auto begin = places[2 * group];
    const bool took_part = static_cast<int>(group) < found && begin != PCRE2_UNSET;
    match.groups.emplace_back(took_part ? subject.substr(begin, places[2 * group + 1] - begin) : std::string_view());
  }
  return match;
}

std::optional<PatternMatch> Pattern::find(std::string_view subject, std::size_t from) const {
  return search(subject, from, 0);
}

std::optional<PatternMatch> Pattern::find_last(std::string_view subject) const {
  std::optional<PatternMatch> last;
  std::size_t from = 0;
  while (from <= subject.size()) {
    auto next = search(subject, from, 0);
    if (!next) break;
    from = std::max(next->end, from);
    // Behind an empty match the next one begins a byte further; PCRE2 goes on to where a character begins.
    if (next->begin == next->end) ++from;
    last = std::move(next);
  }
  return last;
}

bool Pattern::matches(std::string_view subject) const {
  return search(subject, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED).has_value();
}

std::optional<std::string> pattern_fault(const std::string& text) {
  auto [code, fault] = compile(text, {});
  if (code) return std::nullopt;
  return fault;
}

}  // namespace llmtrain
