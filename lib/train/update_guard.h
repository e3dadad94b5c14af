#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "lib/config/guard_config.h"

namespace llmtrain {

enum class UpdateVerdict {
  kApply,
  kSkipNonFinite,  // counted, within what is allowed in a row
  kSkipOutlier,
  kStop,  // more in a row, of either kind, than the configuration allows
};

// Judges each update before it is applied: non-finite ones never are; with outlier_factor, neither are those whose
// gradient norm is beyond that many times the median of the last applied ones. The window holds finite norms of applied
// updates only and is saved with the run.
class UpdateGuard {
 public:
  explicit UpdateGuard(const GuardConfig& config) : config_(config) {}

  UpdateVerdict judge(bool finite, double grad_norm);
  // What an outlier is measured against; nothing until the window is full.
  std::optional<double> median() const;

  // The state as a JSON text, and back; of a longer window than this one's, the last norms. Throws resume_error (6)
  // naming `source`, the checkpoint that holds it, for what does not read.
  std::string state() const;
  void load(const std::string& state, const std::string& source);

 private:
  GuardConfig config_;
  std::deque<double> window_;
  std::int64_t non_finite_in_a_row_ = 0;
  std::int64_t outliers_in_a_row_ = 0;
};

}  // namespace llmtrain
