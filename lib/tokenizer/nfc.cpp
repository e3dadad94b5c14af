#include "lib/tokenizer/nfc.h"

#include <algorithm>
#include <array>
#include <vector>

#include <utf8proc.h>

#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/tokenizer/unicode_class.h"
#include "lib/tokenizer/utf8_char.h"

namespace llmtrain {
namespace {

using CodePoint = utf8proc_int32_t;

int combining_class(CodePoint point) { return utf8proc_get_property(point)->combining_class; }

// Well-formed text that may not be in normal form; no character outside it takes part in what becomes of it.
struct Stretch {
  const char* begin;
  const char* end;
};

// The first stretch at or after `at`, which is where text or the stretch before ended; empty at `end` if there is none.
Stretch find_stretch(const char* at, const char* end) {
  const char* begin = at;  // of the last inert character and the marks that follow it in order
  int last_class = 0;
  while (at != end) {
    const auto [code_point, size] = decode_utf8(at, end);
    const NfcTrait trait = nfc_trait(code_point);
    if (trait == NfcTrait::kInert) {
      begin = code_point == kMalformed ? at + size : at;
      last_class = 0;
    } else {
      const int mark_class = combining_class(static_cast<CodePoint>(code_point));
      if (trait == NfcTrait::kOpen || mark_class < last_class) break;
      last_class = mark_class;
    }
    at += size;
  }
  if (at == end) return {end, end};
  while (at != end) {
    const auto [code_point, size] = decode_utf8(at, end);
    if (nfc_trait(code_point) == NfcTrait::kInert) break;
    at += size;
  }
  return {begin, at};
}

void decompose(const Stretch& stretch, std::vector<CodePoint>& points) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
  points.clear();
  for (const char* at = stretch.begin; at != stretch.end;) {
    const auto [code_point, size] = decode_utf8(at, stretch.end);
    std::array<CodePoint, 8> parts{};
    int boundary_class = UTF8PROC_BOUNDCLASS_START;
    const auto count = utf8proc_decompose_char(static_cast<CodePoint>(code_point), parts.data(), parts.size(), kOptions,
                                               &boundary_class);
    ENSURE(count > 0 && count <= static_cast<utf8proc_ssize_t>(parts.size()), count);
    points.insert(points.end(), parts.begin(), parts.begin() + count);
    at += size;
  }
}

// utf8proc's own ordering takes quadratic time on a long run of marks.
void order_marks(std::vector<CodePoint>& points) {
  const auto is_mark = [](CodePoint point) { return combining_class(point) != 0; };
  for (auto first = points.begin(); first != points.end();) {
    first = std::find_if(first, points.end(), is_mark);
    const auto last = std::find_if_not(first, points.end(), is_mark);
    std::ranges::stable_sort(first, last, {}, combining_class);
    first = last;
  }
}

// `points` is room to work in, used again from stretch to stretch.
void append_stretch(const Stretch& stretch, std::vector<CodePoint>& points, std::string& out) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  decompose(stretch, points);
  order_marks(points);
  const auto size = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()), kOptions);
  ENSURE(size > 0, size);
  points.resize(static_cast<std::size_t>(size));
  for (const CodePoint point : points) append_utf8(out, static_cast<std::uint32_t>(point));
}

}  // namespace

bool is_nfc(std::string_view text) {
  const char* const end = text.data() + text.size();
  std::string normal;
  std::vector<CodePoint> points;
  for (const char* at = text.data(); at != end;) {
    const Stretch stretch = find_stretch(at, end);
    normal.clear();
    if (stretch.begin != end) append_stretch(stretch, points, normal);
    if (normal != std::string_view(stretch.begin, stretch.end)) return false;
    at = stretch.end;
  }
  return true;
}

void append_nfc(std::string_view text, std::string& out) {
  const char* const end = text.data() + text.size();
  out.reserve(out.size() + text.size());
  std::vector<CodePoint> points;
  for (const char* at = text.data(); at != end;) {
    const Stretch stretch = find_stretch(at, end);
    out.append(at, stretch.begin);
    if (stretch.begin != end) append_stretch(stretch, points, out);
    at = stretch.end;
  }
}

std::string to_nfc(std::string_view text) {
  std::string out;
  append_nfc(text, out);
  return out;
}

}  // namespace llmtrain
