#include "lib/train/bad_update.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "lib/base/file.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(std::to_string(value)); }

Json non_finite_parameters(const WeightStore& store) {
  Json found = Json::array();
  for (const auto& name : store.names()) {
    const auto bad = at::isfinite(store.weight(name).grad).logical_not().flatten().nonzero();
    if (bad.numel() == 0) continue;
    found.push_back({{"parameter", name}, {"first_element", bad[0].item<std::int64_t>()}, {"elements", bad.size(0)}});
  }
  return found;
}

Json row_ids(const Batch& batch) {
  Json rows = Json::array();
  const auto* ids = batch.tokens.data_ptr<std::int32_t>();
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    rows.push_back(std::vector<std::int32_t>(ids + row * batch.seq, ids + (row + 1) * batch.seq));
  }
  return rows;
}

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kSuffix = ".json";

// N of step-N.json; nothing for a file of another name.
std::optional<std::int64_t> step_of(const std::string& name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* const end = name.data() + name.size() - kSuffix.size();
  std::int64_t step = 0;
  const auto [last, fault] = std::from_chars(name.data() + kPrefix.size(), end, step);
  if (fault != std::errc() || last != end) return std::nullopt;
  return step;
}

// Leaves the highest steps, `keep` of them. A file that cannot be removed is one too many, and nothing worse.
void remove_oldest(const std::filesystem::path& folder, std::size_t keep) {
  std::vector<std::int64_t> steps;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (const auto step = step_of(entry.path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end(), std::greater<>());
  for (std::size_t i = keep; i < steps.size(); ++i) {
    std::filesystem::remove(folder / fmt::format("{}{}{}", kPrefix, steps[i], kSuffix), ignored);
  }
}

}  // namespace

std::filesystem::path dump_bad_update(const std::filesystem::path& stage, std::int64_t step, const Batch& batch,
                                      const StepGradients& gradients, const WeightStore& store) {
  Json terms;
  for (const auto& term : gradients.terms) terms[term.name] = number(term.value);
  const Json json = {{"step", step + 1},
                     {"position", batch.position},
                     {"terms", terms},
                     {"grad_norm", number(gradients.grad_norm)},
                     {"non_finite_gradients", non_finite_parameters(store)},
                     {"tokens", row_ids(batch)}};
  const auto folder = stage / "bad_updates";
  make_directory(folder);
  auto path = folder / fmt::format("{}{}{}", kPrefix, step + 1, kSuffix);
  write_file(path, json.dump());
  remove_oldest(folder, kKeptBadUpdates);
  return path;
}

}  // namespace llmtrain
