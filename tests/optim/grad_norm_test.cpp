#include "lib/optim/grad_norm.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "lib/optim/optimizer.h"

namespace llmtrain {
namespace {

Parameter parameter(const std::string& name, std::vector<std::int64_t> shape, bool decays) {
  return {.name = name, .shape = std::move(shape), .part = ModelPart::kNorm, .decays = decays};
}

// By hand: 3-4-12 gives 13.
TEST(GradNorm, IsOfAllGroupsTogether) {
  WeightStore store(
      {.parameters = {parameter("a", {2}, false), parameter("b", {1, 1}, true)}, .joined = {}, .rules = {}}, {});
  store.weight("a").grad.copy_(at::tensor({3.0F, 4.0F}));
  store.weight("b").grad.fill_(12);
  EXPECT_DOUBLE_EQ(grad_norm(store), 13);
}

TEST(GradNorm, DoesNotOverflowAndDoesNotDependOnThreads) {
  WeightStore store({.parameters = {parameter("a", {1000, 300}, true)}, .joined = {}, .rules = {}}, {});
  const auto grad = store.weight("a").grad;
  grad.copy_(at::arange(300000, at::kFloat).view({1000, 300}).sin());
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double alone = grad_norm(store);
  at::set_num_threads(threads);
  EXPECT_EQ(grad_norm(store), alone);
  EXPECT_NEAR(alone, grad.to(at::kDouble).norm().item<double>(), 1e-9);
  grad.fill_(std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isfinite(grad_norm(store)));
}

TEST(GradNorm, IsNotFiniteIfOneElementIsNot) {
  WeightStore store({.parameters = {parameter("a", {70000}, true)}, .joined = {}, .rules = {}}, {});
  store.weight("a").grad[69999] = std::nan("");
  EXPECT_FALSE(std::isfinite(grad_norm(store)));
  store.weight("a").grad[69999] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(grad_norm(store)));
}

TEST(ClipScale, BringsTheNormToTheLimit) {
  EXPECT_DOUBLE_EQ(clip_scale(4, 1), 1 / 4.000001);
  EXPECT_DOUBLE_EQ(clip_scale(1, 1), 1 / 1.000001) << "at the limit itself PyTorch scales by a hair";
  EXPECT_EQ(clip_scale(0.5, 1), 1);
  EXPECT_EQ(clip_scale(100, 0), 1);
}

// By hand, with lr 0.5, decay 0.2 and no gradient: what decays shrinks by 0.9, vectors stay.
TEST(Optimizer, SparesVectorsTheDecay) {
  WeightStore store(
      {.parameters = {parameter("v", {2}, false), parameter("m", {2, 2}, true)}, .joined = {}, .rules = {}}, {});
  store.master("v").fill_(1);
  store.master("m").fill_(1);
  OptimConfig config;
  config.lr = 0.5;
  config.weight_decay = 0.2;
  Optimizer optimizer(store, config);
  optimizer.step(1.0, 1.0);
  EXPECT_FLOAT_EQ(store.master("v").min().item<float>(), 1.0F);
  EXPECT_FLOAT_EQ(store.master("m").max().item<float>(), 0.9F);
  EXPECT_EQ(optimizer.steps(), 1);
}

TEST(Optimizer, NamesItsStateByRule) {
  StoreLayout layout{.parameters = {parameter("v", {2}, false), parameter("m", {2, 3}, true)},
                     .joined = {},
                     .rules = {{"m", StepRule::kMuon}}};
  WeightStore store(layout, {});
  OptimConfig config;
  config.name = OptimizerName::kMuon;
  std::vector<std::string> names;
  for (const auto& state : Optimizer(store, config).state()) names.push_back(state.name);
  EXPECT_EQ(names, (std::vector<std::string>{"exp_avg.v", "exp_avg_sq.v", "momentum.m"}));
}

}  // namespace
}  // namespace llmtrain
