#include "lib/train/bad_update.h"

#include <cmath>
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
  make_directory(stage / "bad_updates");
  auto path = stage / "bad_updates" / fmt::format("step-{}.json", step + 1);
  write_file(path, json.dump());
  return path;
}

}  // namespace llmtrain
