#pragma once
#include <compare>
#include <cstdint>

namespace llmtrain {

// Config values with a unit, so that the reader takes "8GiB" for one and "30m" for the other and nothing else.
struct Bytes {
  std::int64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};

struct Duration {
  double seconds = 0;
  auto operator<=>(const Duration&) const = default;
};

// A number of things that may be left to the program: "auto", or a positive integer.
struct AutoCount {
  std::int64_t value = 0;  // 0: auto
  bool automatic() const { return value == 0; }
  auto operator<=>(const AutoCount&) const = default;
};

}  // namespace llmtrain
