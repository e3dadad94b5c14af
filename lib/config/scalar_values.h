#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lib/config/units.h"

// Text of one value to a value and back.
//
// Numbers: an optional sign, decimal digits, at most one point, an optional exponent (3e-4), then an optional unit
// k (or K), M, B (or G), T for powers of 1000, Ki, Mi, Gi, Ti for powers of 1024. Exact: 1.5B is 1500000000, and an
// integer must come out whole and within 64 bits (1e6 and 0.5Ki do, 1.00001k does not). Refused, each with what to
// write instead: leading zeros (octal to some readers), 0x, 0o, 0b, digit groups (1_000, 1,000), infinities and NaN.
// +5, .5 and 5. are numbers.
// Bytes: a number with B, kB, MB, GB, TB (powers of 1000; KB is kB) or KiB, MiB, GiB, TiB; no unit is bytes. Never
// negative. Durations: numbers with d, h, m, s, each unit at most once, larger first: 1h30m, 90s, 1.5d. A unit must be
// there. Bool: true and false. AutoCount: auto, or an integer of at least 1.
namespace llmtrain {

// value, or why not: `hint` (may be empty) is what to write instead, "write 10 without the leading zero".
template <class T>
struct Parsed {
  std::optional<T> value;
  std::string hint;
};

Parsed<bool> parse_bool(std::string_view text);
Parsed<std::int64_t> parse_integer(std::string_view text);
Parsed<double> parse_number(std::string_view text);  // finite
Parsed<Bytes> parse_bytes(std::string_view text);
Parsed<Duration> parse_duration(std::string_view text);
Parsed<AutoCount> parse_auto_count(std::string_view text);

// The shortest text that reads back to the same value, in YAML 1.1 and 1.2 a number: 0.0003, 1.0, 1.0e-08.
std::string format_number(double value);
std::string format_bytes(Bytes value);        // 64MiB, 1000B
std::string format_duration(Duration value);  // 1h30m, 0.5s
std::string format_auto_count(AutoCount value);

}  // namespace llmtrain
