// Ten steps of AdamW as PyTorch and transformers take them; scripts/fixtures/make_parity_models.py.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/optim/optimizer.h"
#include "lib/train/lm_objective.h"
#include "lib/train/step.h"
#include "tests/train/worked_batch.h"

namespace llmtrain {
namespace {

Batch golden_batch(const nlohmann::json& golden) {
  std::vector<WorkedRow> rows;
  for (std::size_t row = 0; row < golden.at("ids").size(); ++row) {
    auto tokens = golden.at("ids")[row].get<TokenIds>();
    tokens.push_back(golden.at("targets")[row].back().get<std::int32_t>());
    const auto seq = static_cast<std::int32_t>(tokens.size()) - 1;
    rows.push_back({.tokens = tokens, .documents = {0}, .trained = seq});
  }
  return to_batch(row_batch(rows));
}

// The largest difference from the golden losses. Rows go through one by one: the update is the same.
double largest_difference(const std::string& name, const StoreTypes& types, const char* losses) {
  const OneThread one_thread;
  TinyModel model(name, types);
  const auto& golden = model.golden.json.at("adamw");
  OptimConfig config;
  config.lr = golden.at("lr");
  config.beta1 = golden.at("beta1");
  config.beta2 = golden.at("beta2");
  config.eps = golden.at("eps");
  config.weight_decay = golden.at("weight_decay");
  Optimizer optimizer(model.store, config);
  const auto objective = lm_objective(model.decoder, {});
  const auto batch = golden_batch(model.golden.json);
  double largest = 0;
  std::int64_t step = 0;
  for (const auto& expected : golden.at(losses)) {
    const auto terms = accumulate_gradients(batch, objective, step++, 1);
    largest = std::max(largest, std::abs(terms.front().value - expected.get<double>()));
    optimizer.step(1.0, 1.0);
  }
  EXPECT_EQ(step, 11);
  return largest;
}

TEST(AdamWCurve, IsThatOfTransformersInFp32) {
  for (const auto* name : {"gpt2", "llama-gqa"})
    EXPECT_LE(largest_difference(name, kFp32Store, "losses"), 1e-5) << name;
}

TEST(AdamWCurve, IsThatOfTransformersInFp64) {
  for (const auto* name : {"gpt2", "llama-gqa"}) {
    EXPECT_LE(largest_difference(name, kFp64Store, "losses_fp64"), 1e-9) << name;
  }
}

}  // namespace
}  // namespace llmtrain
