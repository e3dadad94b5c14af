#include "lib/config/scalar_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

// A decimal number as it was written: digits * 10^exponent, and what follows it.
struct Numeral {
  bool negative = false;
  std::string digits;  // of both sides of the point
  int exponent = 0;
  std::string_view suffix;
};

struct Unit {
  std::string_view name;
  int tens = 0;     // power of 10
  int doubles = 0;  // power of 2
};

constexpr std::array<Unit, 11> kCountUnits = {{{""},
                                               {"k", 3},
                                               {"K", 3},
                                               {"M", 6},
                                               {"G", 9},
                                               {"B", 9},
                                               {"T", 12},
                                               {"Ki", 0, 10},
                                               {"Mi", 0, 20},
                                               {"Gi", 0, 30},
                                               {"Ti", 0, 40}}};
constexpr std::array<Unit, 11> kByteUnits = {{{""},
                                              {"B"},
                                              {"kB", 3},
                                              {"KB", 3},
                                              {"MB", 6},
                                              {"GB", 9},
                                              {"TB", 12},
                                              {"KiB", 0, 10},
                                              {"MiB", 0, 20},
                                              {"GiB", 0, 30},
                                              {"TiB", 0, 40}}};

struct TimeUnit {
  char name;
  double seconds;
};
constexpr std::array<TimeUnit, 4> kTimeUnits = {{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

constexpr int kExponentLimit = 100'000;  // far beyond any value taken, far within int

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& rest) {
  const std::size_t end = std::min(rest.find_first_not_of("0123456789"), rest.size());
  const auto digits = rest.substr(0, end);
  rest.remove_prefix(end);
  return digits;
}

// An exponent ("e-4") at the start of `rest`, if there is one.
int take_exponent(std::string_view& rest) {
  if (rest.empty() || (rest[0] != 'e' && rest[0] != 'E')) return 0;
  auto after = rest.substr(1);
  const bool negative = after.starts_with('-');
  if (after.starts_with('-') || after.starts_with('+')) after.remove_prefix(1);
  const auto digits = take_digits(after);
  if (digits.empty()) return 0;
  rest = after;
  int exponent = kExponentLimit;
  std::from_chars(digits.data(), digits.data() + digits.size(), exponent);  // past int: stays at the limit
  exponent = std::min(exponent, kExponentLimit);
  return negative ? -exponent : exponent;
}

std::optional<Numeral> read_numeral(std::string_view text, std::string& hint) {
  Numeral numeral;
  auto rest = text;
  numeral.negative = rest.starts_with('-');
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const auto whole = take_digits(rest);
  std::string_view part;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    part = take_digits(rest);
  }
  if (whole.empty() && part.empty()) return std::nullopt;
  if (whole.size() > 1 && whole[0] == '0') {
    const std::size_t first = std::min(whole.find_first_not_of('0'), whole.size() - 1);
    hint = fmt::format("leading zeros are not taken, write {}", whole.substr(first));
    return std::nullopt;
  }
  numeral.exponent = take_exponent(rest) - static_cast<int>(std::min<std::size_t>(part.size(), kExponentLimit));
  numeral.digits = fmt::format("{}{}", whole, part);
  numeral.suffix = rest;
  if (whole == "0" && rest.size() > 1 && std::string_view("xXoObB").find(rest[0]) != std::string_view::npos) {
    const int base = std::string_view("xX").find(rest[0]) != std::string_view::npos   ? 16
                     : std::string_view("oO").find(rest[0]) != std::string_view::npos ? 8
                                                                                      : 2;
    std::int64_t decimal = 0;
    const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), decimal, base);
    const bool all = error == std::errc() && end == rest.data() + rest.size();
    hint = all ? fmt::format("numbers are decimal, write {}", decimal) : "numbers are decimal";
    return std::nullopt;
  }
  if (rest.starts_with('_') || rest.starts_with(',')) {
    std::string plain(text);
    std::erase_if(plain, [](char c) { return c == '_' || c == ','; });
    hint = fmt::format("digits are not grouped, write {}", plain);
    return std::nullopt;
  }
  return numeral;
}

template <std::size_t Count>
const Unit* find_unit(const std::array<Unit, Count>& units, std::string_view name) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

std::string count_unit_hint(std::string_view suffix) {
  if (suffix == "m") return "write M for millions";
  if (suffix == "b" || suffix == "t" || suffix == "g") return "units are k, M, B, T in this case";
  if (suffix == "%") return "write a share: 0.05 for 5%";
  return "";
}

// digits * 10^exponent * 2^doubles, exactly.
Parsed<std::int64_t> exact_integer(Numeral numeral, const Unit& unit) {
  using Wide = unsigned __int128;
  std::string& digits = numeral.digits;
  int exponent = numeral.exponent + unit.tens;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (digits.ends_with('0')) {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) return {0, ""};
  const std::string range = fmt::format("the largest integer is {}", std::numeric_limits<std::int64_t>::max());
  Wide value = 0;
  bool overflow = false;
  for (const char digit : digits) {
    overflow |= __builtin_mul_overflow(value, Wide{10}, &value);
    overflow |= __builtin_add_overflow(value, static_cast<Wide>(digit - '0'), &value);
  }
  overflow |= __builtin_mul_overflow(value, Wide{1} << static_cast<unsigned>(unit.doubles), &value);
  // Past 128 bits with digits behind the point: nobody's whole number.
  if (overflow) return {std::nullopt, exponent < 0 ? "not a whole number" : range};
  for (; exponent < 0; ++exponent) {
    if (value % 10 != 0) return {std::nullopt, "not a whole number"};
    value /= 10;
  }
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(value, Wide{10}, &value)) return {std::nullopt, range};
  }
  const Wide limit = static_cast<Wide>(std::numeric_limits<std::int64_t>::max()) + (numeral.negative ? 1U : 0U);
  if (value > limit) return {std::nullopt, range};
  const auto magnitude = static_cast<std::uint64_t>(value);
  return {static_cast<std::int64_t>(numeral.negative ? 0 - magnitude : magnitude), ""};
}

Parsed<double> nearest_double(const Numeral& numeral, const Unit& unit) {
  const std::string text =
      fmt::format("{}{}e{}", numeral.negative ? "-" : "", numeral.digits, numeral.exponent + unit.tens);
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc()) value = std::ldexp(value, unit.doubles);
  if (error != std::errc() || !std::isfinite(value)) return {std::nullopt, "out of the range of a double"};
  return {value == 0.0 ? 0.0 : value, ""};  // no negative zero
}

std::string not_finite_hint(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view word : {"inf", "infinity", "nan"}) {
    if (lower == word || lower == fmt::format(".{}", word) || lower == fmt::format("-.{}", word) ||
        lower == fmt::format("+.{}", word) || lower == fmt::format("-{}", word)) {
      return "numbers are finite";
    }
  }
  return "";
}

}  // namespace

Parsed<bool> parse_bool(std::string_view text) {
  if (text == "true") return {true, ""};
  if (text == "false") return {false, ""};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const std::string_view word : {"true", "yes", "on", "y", "1"}) {
    if (lower == word) return {std::nullopt, "write true"};
  }
  for (const std::string_view word : {"false", "no", "off", "n", "0"}) {
    if (lower == word) return {std::nullopt, "write false"};
  }
  return {std::nullopt, ""};
}

Parsed<std::int64_t> parse_integer(std::string_view text) {
  std::string hint = not_finite_hint(text);
  const auto numeral = read_numeral(text, hint);
  if (!numeral) return {std::nullopt, hint};
  const Unit* unit = find_unit(kCountUnits, numeral->suffix);
  if (unit == nullptr) return {std::nullopt, count_unit_hint(numeral->suffix)};
  return exact_integer(*numeral, *unit);
}

Parsed<double> parse_number(std::string_view text) {
  std::string hint = not_finite_hint(text);
  const auto numeral = read_numeral(text, hint);
  if (!numeral) return {std::nullopt, hint};
  const Unit* unit = find_unit(kCountUnits, numeral->suffix);
  if (unit == nullptr) return {std::nullopt, count_unit_hint(numeral->suffix)};
  return nearest_double(*numeral, *unit);
}

Parsed<Bytes> parse_bytes(std::string_view text) {
  std::string hint;
  auto numeral = read_numeral(text, hint);
  if (!numeral) return {std::nullopt, hint};
  if (numeral->suffix.starts_with(' ')) numeral->suffix.remove_prefix(1);
  const Unit* unit = find_unit(kByteUnits, numeral->suffix);
  if (unit == nullptr) {
    const std::string_view number = text.substr(0, text.find_first_not_of("0123456789.+-"));
    if (numeral->suffix.empty()) return {std::nullopt, ""};
    const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(numeral->suffix[0])));
    if (std::string_view("KMGT").find(letter) == std::string_view::npos) return {std::nullopt, ""};
    return {std::nullopt, fmt::format("write {}{}iB (powers of 1024) or {}{}B (powers of 1000)", number, letter, number,
                                      letter == 'K' ? 'k' : letter)};
  }
  const auto bytes = exact_integer(*numeral, *unit);
  if (!bytes.value || *bytes.value < 0) return {std::nullopt, bytes.hint};
  return {Bytes{.value = *bytes.value}, ""};
}

Parsed<Duration> parse_duration(std::string_view text) {
  double seconds = 0.0;
  std::size_t next_unit = 0;
  auto rest = text;
  while (!rest.empty()) {
    if (text.size() != rest.size()) {
      while (rest.size() > 1 && rest[0] == '0' && is_digit(rest[1])) rest.remove_prefix(1);  // 1h05m
    }
    const std::size_t end = std::min(rest.find_first_not_of("0123456789."), rest.size());
    std::string hint;
    const auto numeral = read_numeral(rest.substr(0, end), hint);
    if (!numeral || !is_digit(rest[0])) return {std::nullopt, hint};
    if (end == rest.size()) return {std::nullopt, fmt::format("write a unit: {}s, {}m, {}h", text, text, text)};
    while (next_unit < kTimeUnits.size() && kTimeUnits.at(next_unit).name != rest[end]) ++next_unit;
    if (next_unit == kTimeUnits.size()) return {std::nullopt, "units are d, h, m, s, larger first"};
    const auto value = nearest_double(*numeral, {.name = ""});
    if (!value.value || !numeral->suffix.empty()) return {std::nullopt, value.hint};
    seconds += *value.value * kTimeUnits.at(next_unit++).seconds;
    rest.remove_prefix(end + 1);
  }
  if (text.empty()) return {std::nullopt, ""};
  if (!std::isfinite(seconds)) return {std::nullopt, "out of the range of a double"};
  return {Duration{.seconds = seconds}, ""};
}

Parsed<AutoCount> parse_auto_count(std::string_view text) {
  constexpr std::string_view kAuto = "auto";
  if (text == kAuto) return {AutoCount{}, ""};
  const auto number = parse_integer(text);
  if (number.value && *number.value > 0) return {AutoCount{.value = *number.value}, ""};
  if (number.value == 0) return {std::nullopt, "write auto to leave it to the program"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return {std::nullopt, lower == kAuto ? "write auto" : number.hint};
}

std::string format_number(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find('.') != std::string::npos) return text;
  const std::size_t exponent = text.find('e');
  // A point makes it a number to YAML 1.1 as well, which takes 1e-08 for a text.
  return text.insert(exponent == std::string::npos ? text.size() : exponent, ".0");
}

std::string format_bytes(Bytes bytes) {
  if (bytes.value != 0) {
    for (auto unit = kByteUnits.rbegin(); unit != kByteUnits.rend() && unit->doubles > 0; ++unit) {
      const std::int64_t size = std::int64_t{1} << unit->doubles;
      if (bytes.value % size == 0) return fmt::format("{}{}", bytes.value / size, unit->name);
    }
  }
  return fmt::format("{}B", bytes.value);
}

std::string format_duration(Duration duration) {
  const double seconds = duration.seconds;
  constexpr double kExact = 9007199254740992.0;  // 2^53: below it whole seconds are exact
  if (seconds != std::floor(seconds) || seconds >= kExact || seconds <= 0.0) {
    std::array<char, 400> digits{};  // the largest double has 309 before the point
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), seconds, std::chars_format::fixed);
    return fmt::format("{}s", std::string_view(digits.data(), end.ptr));
  }
  auto rest = static_cast<std::uint64_t>(seconds);
  std::string text;
  for (const auto& [name, size] : kTimeUnits) {
    const auto unit = static_cast<std::uint64_t>(size);
    if (rest >= unit) text += fmt::format("{}{}", rest / unit, name);
    rest %= unit;
  }
  return text;
}

std::string format_auto_count(AutoCount count) { return count.automatic() ? "auto" : fmt::format("{}", count.value); }

}  // namespace llmtrain
