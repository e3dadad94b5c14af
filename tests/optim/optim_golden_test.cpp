// Against PyTorch's optimizers; scripts/fixtures/make_optim_goldens.py says how the numbers were made.
#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/base/file.h"
#include "lib/optim/adamw.h"
#include "lib/optim/grad_norm.h"
#include "lib/optim/muon.h"
#include "lib/optim/optimizer.h"
#include "lib/optim/schedule.h"

namespace llmtrain {
namespace {

nlohmann::json golden() {
  return nlohmann::json::parse(read_file(LLMTRAIN_SOURCE_DIR "/tests/optim/golden/optim.json"));
}

at::Tensor first_values(std::int64_t count) { return at::arange(count, at::kDouble).mul(0.5).cos(); }

at::Tensor gradients(std::int64_t count, int step) {
  const auto i = at::arange(count, at::kDouble);
  return (i * 0.37 + 0.11 * step).sin() * (at::remainder(i, 5) * 0.2 + 1);
}

at::Tensor tensor_of(const nlohmann::json& values) {
  return at::tensor(values.get<std::vector<double>>(), at::kDouble);
}

double largest_difference(const at::Tensor& ours, const nlohmann::json& theirs) {
  const auto tensor = tensor_of(theirs);
  return ((ours.flatten().to(at::kDouble) - tensor).abs() / tensor.abs().clamp_min(1e-3)).max().item<double>();
}

struct AdamWRun {
  at::Tensor master;
  at::Tensor exp_avg;
  at::Tensor exp_avg_sq;
};

AdamWRun run_adamw(at::ScalarType type) {
  AdamWRun run{first_values(48).to(type), at::zeros({48}, type), at::zeros({48}, type)};
  for (int step = 0; step < 1000; ++step) {
    const auto grad = gradients(48, step).to(type);
    const double lr = 1e-3 * 0.5 * (1 + std::cos(std::numbers::pi * step / 1000));
    adamw_step(run.master, run.master, grad, run.exp_avg, run.exp_avg_sq,
               {.lr = lr, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .count = step + 1, .grad_scale = 1});
  }
  return run;
}

TEST(AdamW, Takes1000StepsAsTorchDoesInFp64) {
  const auto run = run_adamw(at::kDouble);
  const auto expected = golden()["adamw_fp64"];
  EXPECT_LE(largest_difference(run.master, expected["parameter"]), 1e-13);
  EXPECT_LE(largest_difference(run.exp_avg, expected["exp_avg"]), 1e-13);
  EXPECT_LE(largest_difference(run.exp_avg_sq, expected["exp_avg_sq"]), 1e-13);
}

// The norm of the difference as a share of the norm.
double relative_distance(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).norm() / b.norm()).item<double>();
}

// Of each element, 1e-6 cannot hold: a thousand sums are rounded at the parameter's size, 6e-8 of it each, and an
// element that ends near zero keeps what was rounded while it was large. PyTorch's own fp32 run is up to 6e-6 of an
// element off its fp64 run. Of the norm 1e-6 does hold, where PyTorch itself is 1.2e-6 off.
TEST(AdamW, Takes1000StepsAsTorchDoesInFp32) {
  const auto run = run_adamw(at::kFloat);
  const auto json = golden();
  for (const auto& [name, flat] :
       {std::pair{"parameter", run.master}, {"exp_avg", run.exp_avg}, {"exp_avg_sq", run.exp_avg_sq}}) {
    const auto ours = flat.to(at::kDouble);
    const auto theirs = tensor_of(json["adamw_fp32"][name]);
    const auto exact = tensor_of(json["adamw_fp64"][name]);
    const double allowed = 2 * relative_distance(theirs, exact);
    EXPECT_LE(relative_distance(ours, exact), std::min(1e-6, allowed)) << name;
    EXPECT_LE(relative_distance(ours, theirs), allowed) << name;
  }
}

TEST(AdamW, ZeroesGradientsAndMakesTheBf16Weights) {
  const std::int64_t size = 3000;  // more than a block, and no multiple of one
  const auto master = first_values(size).to(at::kFloat);
  const auto compute = at::zeros({size}, at::kBFloat16);
  const auto grad = gradients(size, 0).to(at::kBFloat16);
  const auto wide_grad = grad.to(at::kFloat);
  const auto other = master.clone();
  const auto zeros = [&] { return at::zeros({size}, at::kFloat); };
  const AdamWStep step{
      .lr = 0.1, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .count = 1, .grad_scale = 0.5};
  adamw_step(master, compute, grad, zeros(), zeros(), step);
  adamw_step(other, other, wide_grad, zeros(), zeros(), step);
  EXPECT_TRUE(at::equal(master, other));
  EXPECT_TRUE(at::equal(compute, master.to(at::kBFloat16)));
  EXPECT_EQ(grad.abs().max().item<double>(), 0);
  EXPECT_EQ(wide_grad.abs().max().item<double>(), 0);
}

// By hand: step one moves by lr whatever the gradient's size, so clipping shows in the moments alone.
TEST(AdamW, ScalesGradientsFirst) {
  const auto master = at::zeros({1}, at::kDouble);
  const auto exp_avg = at::zeros({1}, at::kDouble);
  const auto exp_avg_sq = at::zeros({1}, at::kDouble);
  adamw_step(master, master, at::full({1}, 4.0, at::kDouble), exp_avg, exp_avg_sq,
             {.lr = 0.1, .beta1 = 0.5, .beta2 = 0.75, .eps = 0, .decay = 0, .count = 1, .grad_scale = 0.5});
  EXPECT_DOUBLE_EQ(exp_avg.item<double>(), 1.0);     // 0.5 * 2
  EXPECT_DOUBLE_EQ(exp_avg_sq.item<double>(), 1.0);  // 0.25 * 4
  EXPECT_DOUBLE_EQ(master.item<double>(), -0.1);
}

TEST(Muon, Takes20StepsAsTorchDoes) {
  const auto json = golden();  // a loop over a part of what is gone would walk nothing
  const auto& runs = json["muon"];
  ASSERT_EQ(runs.size(), 3U);
  for (const auto& run : runs) {
    const auto rows = run["rows"].get<std::int64_t>();
    const auto columns = run["columns"].get<std::int64_t>();
    const auto master = first_values(rows * columns).view({rows, columns}).clone();
    const auto buffer = at::zeros_like(master);
    for (int step = 0; step < 20; ++step) {
      muon_step(master, gradients(rows * columns, step).view({rows, columns}), buffer,
                {.lr = 0.02,
                 .momentum = 0.95,
                 .nesterov = run["nesterov"].get<bool>(),
                 .newton_schulz_steps = 5,
                 .decay = 0.1,
                 .grad_scale = 1});
    }
    EXPECT_LE(largest_difference(master, run["parameter"]), 1e-12) << rows << " x " << columns;
  }
}

// A matrix and a vector by AdamW and a matrix by Muon, as training steps them: one norm, one schedule, one clipping.
TEST(Optimizer, StepsSchedulesAndClipsAsTorchDoes) {
  const auto parameter = [](const std::string& name, std::vector<std::int64_t> shape) {
    const bool matrix = shape.size() == 2;
    return Parameter{.name = name, .shape = std::move(shape), .part = ModelPart::kFeedForward, .decays = matrix};
  };
  WeightStore store({.parameters = {parameter("matrix", {4, 3}), parameter("vector", {6}), parameter("block", {5, 4})},
                     .joined = {},
                     .rules = {{"block", StepRule::kMuon}}},
                    {.compute = at::kDouble, .master = at::kDouble, .grad = at::kDouble});
  OptimConfig config;
  config.name = OptimizerName::kMuon;
  config.lr = 3e-2;
  config.beta1 = 0.8;
  config.beta2 = 0.97;
  config.eps = 1e-4;
  config.weight_decay = 0.1;
  config.muon = {.lr = 0.05, .momentum = 0.9, .nesterov = true, .newton_schulz_steps = 5};
  config.schedule = {.name = ScheduleName::kCosine, .warmup_steps = 5, .final_ratio = 0.1};
  const std::map<std::string, std::int64_t> starts = {{"matrix", 0}, {"vector", 100}, {"block", 200}};
  const auto numbered = [&](const std::string& name) {
    const auto values = store.master(name);
    return (at::arange(values.numel(), at::kDouble) + starts.at(name)).view(values.sizes());
  };
  for (const auto& name : store.names()) store.master(name).copy_((numbered(name) * 0.5).cos());
  Optimizer optimizer(store, config);
  const auto expected = golden()["together"];
  std::int64_t step = 0;
  for (const double norm : expected["norms"]) {
    for (const auto& name : store.names()) {
      const double swing = 1 + 0.9 * std::sin(0.3 * static_cast<double>(step));
      store.weight(name).grad.copy_((numbered(name) * 0.37 + 0.11 * static_cast<double>(step)).sin() * swing);
    }
    ASSERT_NEAR(grad_norm(store), norm, 1e-12) << step;
    optimizer.step(schedule_multiplier(config.schedule, step++, 60), clip_scale(norm, 6));
  }
  EXPECT_EQ(step, 60);
  for (const auto& name : store.names())
    EXPECT_LE(largest_difference(store.master(name), expected["parameters"][name]), 1e-11) << name;
}

// The paper's claim, not ours: singular values of any matrix come near 1.
TEST(Muon, MakesSingularValuesNearOne) {
  const auto matrix = gradients(60, 3).view({10, 6}) + at::eye(10, 6, at::kDouble);
  const auto gram = at::mm(orthogonalized(matrix, 5).t(), orthogonalized(matrix, 5));
  const auto squares = at::linalg_eigvalsh(gram);
  EXPECT_GT(squares.min().item<double>(), 0.3);
  EXPECT_LT(squares.max().item<double>(), 1.6);
}

}  // namespace
}  // namespace llmtrain
