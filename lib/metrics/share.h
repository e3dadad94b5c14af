#pragma once
#include <cstdint>
#include <optional>

namespace llmtrain {

// How often something was so.
struct Share {
  double value = 0;             // hits / cases
  std::optional<double> error;  // standard error of the mean; unknown of one case
};

// The error is that of the sample's standard deviation, with cases - 1 in the denominator: sqrt(p (1 - p) / (n - 1)).
// cases: at least one.
Share share_of(std::int64_t hits, std::int64_t cases);

}  // namespace llmtrain
