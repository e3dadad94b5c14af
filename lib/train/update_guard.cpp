#include "lib/train/update_guard.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/base/error.h"

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

void UpdateGuard::load(const std::string& state) {
  try {
    const auto json = nlohmann::json::parse(state);
    const auto window = json.at("window").get<std::vector<double>>();
    const auto kept = std::min(window.size(), static_cast<std::size_t>(config_.outlier_window));
    window_.assign(window.end() - static_cast<std::ptrdiff_t>(kept), window.end());
    non_finite_in_a_row_ = json.at("non_finite_in_a_row").get<std::int64_t>();
    outliers_in_a_row_ = json.at("outliers_in_a_row").get<std::int64_t>();
  } catch (const nlohmann::json::exception& error) {
    throw resume_error("the saved state of the update guard does not read: {}", error.what());
  }
}

}  // namespace llmtrain
