#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "lib/train/lm_objective.h"
#include "lib/train/step.h"
#include "tests/model/plain_decoder.h"
#include "tests/ops/counting_allocator.h"
#include "tests/train/worked_batch.h"

namespace llmtrain {
namespace {

struct Pass {
  double loss = 0;
  double objective = 0;
  std::vector<at::Tensor> gradients;  // of each parameter
};

struct PassOptions {
  LmObjectiveOptions objective = {};
  std::int64_t micro_rows = 6;
  std::int64_t step = 3;
};

Pass run(TinyModel& model, const Batch& batch, const PassOptions& options) {
  model.store.zero_grad();
  const auto objective = lm_objective(model.decoder, options.objective);
  StepGradients step;
  step.terms = accumulate_gradients(batch, objective, options.step, options.micro_rows);
  Pass pass{.loss = step.term("loss"), .objective = 0, .gradients = {}};
  if (step.terms.size() > 1) pass.objective = step.term("objective");
  for (const auto& name : model.store.names()) pass.gradients.push_back(model.store.weight(name).grad.clone());
  return pass;
}

double relative(double a, double b) { return std::abs(a - b) / std::abs(b); }

// Of each parameter's gradient, the largest. What is far smaller than the others is rounding (parity_test.cpp).
double largest_relative(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double size = std::max(b[i].to(at::kDouble).norm().item<double>(), 1e-2);
    largest = std::max(largest, (a[i] - b[i]).to(at::kDouble).norm().item<double>() / size);
  }
  return largest;
}

TinyModel with_dropout(const std::string& name, const StoreTypes& types) {
  return TinyModel(name, types, [](ModelShape& shape) { shape.dropout = 0.2; });
}

constexpr LmObjectiveOptions kEverything = {.label_smoothing = 0.1, .z_loss = 1e-3, .recompute = false, .seed = 5};

class Accumulation : public testing::TestWithParam<std::string> {};

// Uneven rows, so a mean of means would be another number; dropout, whose masks no split may change.
void expect_any_split_alike(const std::string& name, const StoreTypes& types, double tolerance) {
  const OneThread one_thread;
  auto model = with_dropout(name, types);
  const auto batch = to_batch(uneven_rows());
  const auto whole = run(model, batch, {.objective = kEverything, .micro_rows = 6});
  for (const std::int64_t micro_rows : {1, 2, 3, 4, 100}) {
    const auto split = run(model, batch, {.objective = kEverything, .micro_rows = micro_rows});
    EXPECT_LE(relative(split.loss, whole.loss), tolerance) << micro_rows;
    EXPECT_LE(relative(split.objective, whole.objective), tolerance) << micro_rows;
    EXPECT_LE(largest_relative(split.gradients, whole.gradients), tolerance) << micro_rows;
  }
}

TEST_P(Accumulation, IsTheLargeBatchInFp32) { expect_any_split_alike(GetParam(), kFp32Store, 1e-6); }
TEST_P(Accumulation, IsTheLargeBatchInFp64) { expect_any_split_alike(GetParam(), kFp64Store, 1e-12); }

TEST_P(Accumulation, RecomputedIsBitIdenticalInAnySplit) {
  auto model = with_dropout(GetParam(), kFp32Store);
  const auto batch = to_batch(uneven_rows());
  for (const std::int64_t micro_rows : {2, 6}) {
    auto options = kEverything;
    const auto kept = run(model, batch, {.objective = options, .micro_rows = micro_rows});
    options.recompute = true;
    const auto recomputed = run(model, batch, {.objective = options, .micro_rows = micro_rows});
    EXPECT_EQ(recomputed.loss, kept.loss);
    EXPECT_EQ(recomputed.objective, kept.objective);
    EXPECT_TRUE(all_equal(recomputed.gradients, kept.gradients));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Accumulation, testing::ValuesIn(golden_model_names()), golden_test_name);

// By LibTorch's operators, of the trained targets alone: mean -log p; with smoothing 0.1 and z-loss 1e-3 the mean of
// 0.9 (-log p) + 0.1 (mean over the vocabulary of -log p) + 1e-3 log Z^2.
TEST(LmObjective, IsTheMeanOverTrainedTargets) {
  TinyModel model("llama-bias", kFp64Store);
  const auto batch = to_batch(uneven_rows());
  const auto logits = plain_decoder(model.shape, model.store, at::kDouble).logits(decoder_input(batch));
  const auto log_z = logits.logsumexp(1);
  const auto logprobs = logits - log_z.unsqueeze(1);
  const auto trained = batch.trained.to(at::kBool);
  const auto mean = [&](const at::Tensor& each) { return each.masked_select(trained).mean().item<double>(); };
  const auto chosen = logprobs.gather(1, batch.targets.to(at::kLong).unsqueeze(1)).squeeze(1);
  const double loss = mean(-chosen);
  const double objective = mean(-0.9 * chosen - 0.1 * logprobs.mean(1) + 1e-3 * log_z.pow(2));

  EXPECT_EQ(batch.trained_tokens, 28);
  EXPECT_EQ(lm_objective(model.decoder, {}).normaliser(batch), 28);
  EXPECT_LE(relative(run(model, batch, {.objective = {}, .micro_rows = 2}).loss, loss), 1e-12);
  const auto everything = run(model, batch, {.objective = kEverything, .micro_rows = 2});
  EXPECT_LE(relative(everything.loss, loss), 1e-12);
  EXPECT_LE(relative(everything.objective, objective), 1e-12);
}

TEST(LmObjective, TargetsThatAreNotTrainedChangeNoBit) {
  TinyModel model("llama-gqa");
  auto batch = to_batch(uneven_rows());
  const auto before = run(model, batch, {.objective = kEverything, .micro_rows = 2});
  batch.targets = at::where(batch.trained.to(at::kBool), batch.targets, (batch.targets + 3).remainder(61)).to(at::kInt);
  const auto after = run(model, batch, {.objective = kEverything, .micro_rows = 2});
  EXPECT_EQ(after.loss, before.loss);
  EXPECT_EQ(after.objective, before.objective);
  EXPECT_TRUE(all_equal(after.gradients, before.gradients));
}

TEST(LmObjective, DropsOtherActivationsInEachStepAndWithEachSeed) {
  auto model = with_dropout("gpt2", kFp32Store);
  const auto batch = to_batch(uneven_rows());
  const auto loss = [&](std::int64_t step, std::uint64_t seed) {
    LmObjectiveOptions options = kEverything;
    options.seed = seed;
    return run(model, batch, {.objective = options, .micro_rows = 2, .step = step}).loss;
  };
  EXPECT_EQ(loss(3, 5), loss(3, 5));
  EXPECT_NE(loss(4, 5), loss(3, 5));
  EXPECT_NE(loss(3, 6), loss(3, 5));
}

TEST(LmObjective, RecomputesWhereItIsAskedTo) {
  TinyModel model("llama-gqa", kFp32Store, [](ModelShape& shape) { shape.layers = 8; });
  const auto batch = to_batch(uneven_rows());
  CountingAllocator memory;
  const auto peak = [&](bool recompute) {
    const auto objective = lm_objective(model.decoder, {.recompute = recompute});
    memory.reset();
    accumulate_gradients(batch, objective, 0, 6);
    return memory.peak();
  };
  const auto kept = peak(false);
  EXPECT_LT(peak(true), kept / 2);
}

TEST(StepGradients, AreFiniteIfEveryNumberIs) {
  StepGradients step{.terms = {{"loss", 2.0}, {"objective", 3.0}}, .grad_norm = 1};
  EXPECT_TRUE(step.finite());
  EXPECT_EQ(step.term("objective"), 3);
  EXPECT_THROW(step.term("lss"), InternalError);
  step.terms[1].value = std::nan("");
  EXPECT_FALSE(step.finite());
  step.terms[1].value = 3;
  step.grad_norm = INFINITY;
  EXPECT_FALSE(step.finite());
}

}  // namespace
}  // namespace llmtrain
