#include "lib/train/update_guard.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/strict_json.h"
#include "lib/train/saved_json.h"

namespace llmtrain {

std::optional<double> UpdateGuard::median() const {
  if (static_cast<std::int64_t>(window_.size()) < config_.outlier_window) return std::nullopt;
  std::vector<double> sorted(window_.begin(), window_.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

UpdateVerdict UpdateGuard::judge(bool finite, double grad_norm) {
  if (!finite) {
    return ++non_finite_in_a_row_ > config_.max_non_finite ? UpdateVerdict::kStop : UpdateVerdict::kSkipNonFinite;
  }
  non_finite_in_a_row_ = 0;
  if (!config_.outlier_factor) return UpdateVerdict::kApply;
  const auto usual = median();
  if (usual && grad_norm > *config_.outlier_factor * *usual) {
    return ++outliers_in_a_row_ > config_.max_outliers ? UpdateVerdict::kStop : UpdateVerdict::kSkipOutlier;
  }
  outliers_in_a_row_ = 0;
  window_.push_back(grad_norm);
  if (static_cast<std::int64_t>(window_.size()) > config_.outlier_window) window_.pop_front();
  return UpdateVerdict::kApply;
}

std::string UpdateGuard::state() const {
  return nlohmann::json{{"window", std::vector<double>(window_.begin(), window_.end())},
                        {"non_finite_in_a_row", non_finite_in_a_row_},
                        {"outliers_in_a_row", outliers_in_a_row_}}
      .dump();
}

void UpdateGuard::load(const std::string& state, const std::string& source) {
  read_saved([&] {
    const auto json = parse_strict_json(state, source + ": progress.guard");
    const JsonView saved(json, source + ": progress.guard");
    std::vector<double> window;
    for (const auto& norm : saved.member("window").elements()) window.push_back(norm.number());
    const auto kept = std::min(window.size(), static_cast<std::size_t>(config_.outlier_window));
    window_.assign(window.end() - static_cast<std::ptrdiff_t>(kept), window.end());
    non_finite_in_a_row_ = saved.member("non_finite_in_a_row").count();
    outliers_in_a_row_ = saved.member("outliers_in_a_row").count();
  });
}

}  // namespace llmtrain
