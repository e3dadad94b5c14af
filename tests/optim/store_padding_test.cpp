#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/optim/optimizer.h"

namespace llmtrain {
namespace {

// Sizes that leave padding behind every weight.
WeightStore padded_store(StepRule rule) {
  const auto parameter = [](const std::string& name, std::vector<std::int64_t> shape) {
    const bool matrix = shape.size() == 2;
    return Parameter{.name = name, .shape = std::move(shape), .part = ModelPart::kFeedForward, .decays = matrix};
  };
  StoreLayout layout{
      .parameters = {parameter("a", {5, 3}), parameter("b", {7}), parameter("c", {9, 7}), parameter("d", {3})},
      .joined = {},
      .rules = {{"a", rule}, {"c", rule}}};
  return {layout, {.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kFloat}};
}

// What of a group belongs to no parameter.
at::Tensor padding_of(const WeightGroup& group, const at::Tensor& flat) {
  const auto is_padding = at::ones({flat.numel()}, at::kBool);
  for (const auto& parameter : group.parameters)
    is_padding.narrow(0, parameter.offset, parameter.elements).fill_(false);
  return flat.masked_select(is_padding);
}

TEST(Optimizer, LeavesPaddingZero) {
  for (const auto rule : {StepRule::kAdamW, StepRule::kMuon}) {
    auto store = padded_store(rule);
    OptimConfig config;
    config.name = rule == StepRule::kMuon ? OptimizerName::kMuon : OptimizerName::kAdamW;
    for (const auto& name : store.names()) store.master(name).fill_(0.5);
    Optimizer optimizer(store, config);
    for (int step = 0; step < 3; ++step) {
      for (const auto& name : store.names()) store.weight(name).grad.fill_(step + 1.5);
      optimizer.step(1.0, 0.7);
    }
    for (const auto& group : store.groups()) {
      EXPECT_GE(padding_of(group, group.master).numel(), 10);
      for (const auto& flat : {group.master, group.compute, group.grad}) {
        EXPECT_EQ(padding_of(group, flat).abs().max().item<double>(), 0);
      }
      EXPECT_LT(group.master.max().item<double>(), 0.5);  // the rest was stepped
    }
  }
}

}  // namespace
}  // namespace llmtrain
