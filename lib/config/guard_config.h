#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/fields.h"

namespace llmtrain {

// What keeps a bad step out of the weights. A non-finite update is never applied.
struct GuardConfig {
  std::int64_t max_non_finite = 0;
  std::optional<double> outlier_factor;
  std::int64_t outlier_window = 128;
  std::int64_t max_outliers = 10;
};

template <class Visitor>
void fields(GuardConfig& c, Visitor&& visit) {
  visit("max_non_finite", c.max_non_finite,
        "Steps in a row with a NaN or an infinity that are skipped; one more stops the run.", non_negative);
  visit("outlier_factor", c.outlier_factor,
        "A step whose gradient norm is more than this many times the median of the last applied ones is skipped.",
        above(1));
  visit("outlier_window", c.outlier_window, "With outlier_factor: applied steps that the median is taken of.",
        between(2, 1 << 20));
  visit("max_outliers", c.max_outliers, "With outlier_factor: steps in a row that are skipped; one more stops the run.",
        non_negative);
}

inline void check(const GuardConfig& c, Contradictions& out) {
  if (c.outlier_factor) return;
  const GuardConfig defaults;
  if (c.outlier_window != defaults.outlier_window) out.add("outlier_window", "'outlier_window' needs outlier_factor");
  if (c.max_outliers != defaults.max_outliers) out.add("max_outliers", "'max_outliers' needs outlier_factor");
}

}  // namespace llmtrain
