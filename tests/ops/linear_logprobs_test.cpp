#include "lib/ops/linear_logprobs.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/base/error.h"
#include "tests/ops/central_difference.h"
#include "tests/ops/counting_allocator.h"

namespace llmtrain {
namespace {

struct Inputs {
  at::Tensor hidden;
  at::Tensor head;
  at::Tensor targets;
  at::Tensor weights;
};

Inputs random_inputs(std::int64_t tokens, std::int64_t vocab, std::int64_t embed, at::ScalarType type) {
  at::manual_seed(11);
  const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
  Inputs in{.hidden = at::randn({tokens, embed}, at::kDouble).to(type),
            .head = at::randn({vocab, embed}, at::kDouble).mul(0.5).to(type),
            .targets = at::randint(vocab, {tokens}, at::kInt),
            .weights = at::rand({tokens}, at::kDouble).to(wide)};
  if (tokens > 2) in.weights[1] = 0;
  return in;
}

Weight trained(const at::Tensor& value) { return {.value = value, .grad = at::zeros_like(value)}; }

struct Pass {
  CrossEntropy result;
  at::Tensor d_hidden;
  at::Tensor d_head;
};

Pass run(const Inputs& in, const CrossEntropyOptions& options = {}) {
  const auto hidden = in.hidden.detach().clone().requires_grad_(true);
  const auto head = trained(in.head);
  auto result = linear_cross_entropy(hidden, head, in.targets, in.weights, options);
  torch::autograd::backward({result.loss}, {});
  return {.result = result, .d_hidden = hidden.grad(), .d_head = head.grad};
}

// The same by LibTorch's operators and autograd, in double.
Pass composite(const Inputs& in, const CrossEntropyOptions& options) {
  const auto hidden = in.hidden.to(at::kDouble).detach().clone().requires_grad_(true);
  const auto head = in.head.to(at::kDouble).detach().clone().requires_grad_(true);
  const auto logits = at::mm(hidden, head.t());
  const auto log_z = logits.logsumexp(1);
  const auto targets = in.targets.to(at::kLong);
  const auto losses = at::cross_entropy_loss(logits, targets, {}, 0, -100, options.label_smoothing);
  const auto loss = (in.weights.to(at::kDouble) * (losses + options.z_loss * log_z.pow(2))).sum();
  torch::autograd::backward({loss}, {});
  const auto logprobs = logits.gather(1, targets.unsqueeze(1)).squeeze(1) - log_z;
  return {.result = {.loss = loss, .logprobs = logprobs.detach(), .log_z = log_z.detach()},
          .d_hidden = hidden.grad(),
          .d_head = head.grad()};
}

double root_mean_square(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).pow(2).mean().sqrt().item<double>();
}

TEST(LinearCrossEntropy, IsThatOfPlainOperators) {
  for (const CrossEntropyOptions options :
       {CrossEntropyOptions{}, CrossEntropyOptions{0.1, 0}, {0, 1e-2}, {0.2, 1e-2}}) {
    const auto in = random_inputs(37, 1003, 24, at::kFloat);
    const auto ours = run(in, options);
    const auto plain = composite(in, options);
    EXPECT_NEAR(ours.result.loss.item<double>(), plain.result.loss.item<double>(), 1e-4);
    EXPECT_LE(largest_difference(ours.d_hidden, plain.d_hidden), 1e-5);
    EXPECT_LE(largest_difference(ours.d_head, plain.d_head), 1e-5);
    const auto trained_rows = in.weights != 0;
    EXPECT_LE(largest_difference(ours.result.logprobs.masked_select(trained_rows),
                                 plain.result.logprobs.masked_select(trained_rows)),
              1e-5);
    EXPECT_LE(largest_difference(ours.result.log_z.masked_select(trained_rows),
                                 plain.result.log_z.masked_select(trained_rows)),
              1e-5);
  }
}

TEST(LinearCrossEntropy, GradientsAreTheSlopes) {
  const CrossEntropyOptions options{.label_smoothing = 0.1, .z_loss = 0.05};
  const auto in = random_inputs(5, 7, 4, at::kDouble);
  const auto loss = [&](const at::Tensor& hidden, const at::Tensor& head) {
    return linear_cross_entropy(hidden, {.value = head, .grad = {}}, in.targets, in.weights, options)
        .loss.item<double>();
  };
  const auto ours = run(in, options);
  const auto by_hidden = central_difference([&](const at::Tensor& x) { return loss(x, in.head); }, in.hidden);
  const auto by_head = central_difference([&](const at::Tensor& x) { return loss(in.hidden, x); }, in.head);
  EXPECT_LE(largest_difference(ours.d_hidden, by_hidden), 1e-9);
  EXPECT_LE(largest_difference(ours.d_head, by_head), 1e-9);
}

// Hidden states of zero: all logits are zero, so every token's loss is log V whatever the smoothing, log Z = log V.
TEST(LinearCrossEntropy, OfEqualLogitsIsTheLogarithmOfTheVocabulary) {
  auto in = random_inputs(10, 50, 6, at::kFloat);
  in.hidden.zero_();
  in.weights.fill_(0.1);
  const double log_v = std::log(50.0);
  EXPECT_NEAR(run(in).result.loss.item<double>(), log_v, 1e-6);
  EXPECT_NEAR(run(in, {.label_smoothing = 0.3, .z_loss = 0}).result.loss.item<double>(), log_v, 1e-6);
  EXPECT_NEAR(run(in, {.label_smoothing = 0, .z_loss = 0.01}).result.loss.item<double>(), log_v + 0.01 * log_v * log_v,
              1e-6);
  EXPECT_NEAR(run(in).result.logprobs[3].item<double>(), -log_v, 1e-6);
}

// Logits (0, log 3): p = (1/4, 3/4). Target 1, smoothing 0.2: -(0.9 log 3/4 + 0.1 log 1/4); log Z = log 4.
TEST(LinearCrossEntropy, OfTwoWordsIsTheSumByHand) {
  const Inputs in{.hidden = at::ones({1, 1}),
                  .head = at::tensor({0.0F, std::log(3.0F)}).view({2, 1}),
                  .targets = at::ones({1}, at::kInt),
                  .weights = at::full({1}, 2.0F)};
  const auto ours = run(in, {.label_smoothing = 0.2, .z_loss = 0.5});
  const double log_z = std::log(4.0);
  EXPECT_NEAR(ours.result.loss.item<double>(),
              2 * (-(0.9 * std::log(0.75) + 0.1 * std::log(0.25)) + 0.5 * log_z * log_z), 1e-6);
  // d/dlogit = weight * (p (1 + 2 z log Z) - smoothed target).
  const double factor = 1 + 2 * 0.5 * log_z;
  EXPECT_NEAR(ours.d_head[0].item<double>(), 2 * (0.25 * factor - 0.1), 1e-6);
  EXPECT_NEAR(ours.d_head[1].item<double>(), 2 * (0.75 * factor - 0.9), 1e-6);
}

TEST(LinearCrossEntropy, UntrainedTokensChangeNoBit) {
  const auto in = random_inputs(40, 300, 16, at::kFloat);
  in.weights.narrow(0, 10, 20).zero_();
  auto changed = in;
  changed.hidden = in.hidden.clone();
  changed.hidden.narrow(0, 10, 20).fill_(NAN);
  changed.targets = in.targets.clone();
  changed.targets.narrow(0, 10, 20).fill_(-100);
  const auto before = run(in);
  const auto after = run(changed);
  EXPECT_TRUE(at::equal(before.result.loss, after.result.loss));
  EXPECT_TRUE(at::equal(before.result.logprobs, after.result.logprobs));
  EXPECT_TRUE(at::equal(before.d_hidden, after.d_hidden));
  EXPECT_TRUE(at::equal(before.d_head, after.d_head));
  EXPECT_EQ(before.result.log_z.narrow(0, 10, 20).abs().max().item<double>(), 0);
  EXPECT_EQ(before.d_hidden.narrow(0, 10, 20).abs().max().item<double>(), 0);
}

TEST(LinearCrossEntropy, OfNoTrainedTokenIsZero) {
  auto in = random_inputs(4, 9, 3, at::kFloat);
  in.weights.zero_();
  const auto ours = run(in);
  EXPECT_EQ(ours.result.loss.item<double>(), 0);
  EXPECT_EQ(ours.d_hidden.abs().max().item<double>(), 0);
  EXPECT_EQ(ours.d_head.abs().max().item<double>(), 0);
}

TEST(LinearCrossEntropy, AddsToTheHeadsGradient) {
  const auto in = random_inputs(6, 20, 5, at::kFloat);
  const auto once = run(in).d_head;
  const Weight head{.value = in.head, .grad = at::ones_like(in.head)};
  linear_cross_entropy(in.hidden, head, in.targets, in.weights);
  EXPECT_LE(largest_difference(head.grad, once + 1), 1e-6);
}

TEST(LinearCrossEntropy, OfAFrozenHeadMayBeScaled) {
  const auto in = random_inputs(6, 20, 5, at::kDouble);
  const auto hidden = in.hidden.clone().requires_grad_(true);
  const auto result = linear_cross_entropy(hidden, {.value = in.head, .grad = {}}, in.targets, in.weights);
  torch::autograd::backward({result.loss * 3}, {});
  EXPECT_LE(largest_difference(hidden.grad(), run(in).d_hidden * 3), 1e-12);
}

TEST(LinearCrossEntropy, RefusesToScaleWhatStandsInTheHeadsGradientAlready) {
  const auto in = random_inputs(6, 20, 5, at::kFloat);
  const auto hidden = in.hidden.clone().requires_grad_(true);
  const auto result = linear_cross_entropy(hidden, trained(in.head), in.targets, in.weights);
  EXPECT_THROW(torch::autograd::backward({result.loss * 3}, {}), InternalError);
}

TEST(LinearCrossEntropy, WithoutGradientsLeavesTheHeadsAlone) {
  const auto in = random_inputs(6, 20, 5, at::kFloat);
  const auto head = trained(in.head);
  const auto with_gradients = run(in);
  const at::NoGradGuard no_grad;
  const auto result = linear_cross_entropy(in.hidden, head, in.targets, in.weights);
  EXPECT_EQ(result.loss.item<float>(), with_gradients.result.loss.item<float>());
  EXPECT_FALSE(result.loss.requires_grad());
  EXPECT_EQ(head.grad.abs().max().item<float>(), 0);
}

TEST(LinearCrossEntropy, GivesTheSameBitsTwice) {
  const auto in = random_inputs(600, 40000, 32, at::kFloat);
  const auto first = run(in);
  const auto second = run(in);
  EXPECT_TRUE(at::equal(first.result.loss, second.result.loss));
  EXPECT_TRUE(at::equal(first.d_hidden, second.d_hidden));
  EXPECT_TRUE(at::equal(first.d_head, second.d_head));
}

TEST(LinearCrossEntropy, RefusesTargetsOutsideTheVocabulary) {
  for (const int target : {20, -1}) {
    const auto in = random_inputs(6, 20, 5, at::kFloat);
    in.targets[3] = target;
    EXPECT_THROW(run(in), InternalError);
    EXPECT_THROW(linear_logprobs(in.hidden, trained(in.head), in.targets), InternalError);
  }
}

// What LibTorch does in autocast: logits rounded to bf16, the softmax in fp32, gradients of logits in bf16.
TEST(LinearCrossEntropy, InBf16ErrsNoMoreThanTwicePlainOperators) {
  const auto in = random_inputs(200, 2000, 64, at::kBFloat16);
  const auto exact = composite(in, {});
  const auto hidden = in.hidden.clone().requires_grad_(true);
  const auto head = in.head.clone().requires_grad_(true);
  const auto losses = at::cross_entropy_loss(at::mm(hidden, head.t()).to(at::kFloat), in.targets.to(at::kLong), {}, 0);
  const auto loss = (losses * in.weights).sum();
  torch::autograd::backward({loss}, {});
  const auto ours = run(in);
  const double truth = exact.result.loss.item<double>();
  EXPECT_LE(std::abs(ours.result.loss.item<double>() - truth), 2 * std::abs(loss.item<double>() - truth) + 1e-4);
  EXPECT_LE(root_mean_square(ours.d_hidden, exact.d_hidden), 2 * root_mean_square(hidden.grad(), exact.d_hidden));
  EXPECT_LE(root_mean_square(ours.d_head, exact.d_head), 2 * root_mean_square(head.grad(), exact.d_head));
}

TEST(LinearCrossEntropy, AddsBf16ProductsToAWiderGradient) {
  const auto in = random_inputs(30, 100, 16, at::kBFloat16);
  const Weight head{.value = in.head, .grad = at::ones({100, 16})};
  linear_cross_entropy(in.hidden, head, in.targets, in.weights);
  EXPECT_LE(root_mean_square(head.grad, composite(in, {}).d_head + 1), 1e-2);
}

// Beside its inputs and gradients it holds chunks, however many tokens there are: four times the tokens, more of their
// hidden states alone.
TEST(LinearCrossEntropy, HoldsNoMoreLogitsForMoreTokens) {
  CountingAllocator counter;
  const auto peak = [&](std::int64_t tokens) {
    auto in = random_inputs(tokens, 20000, 8, at::kFloat);
    in.weights.fill_(1);
    const auto head = trained(in.head);
    const auto hidden = in.hidden.requires_grad_(true);
    counter.reset();
    torch::autograd::backward({linear_cross_entropy(hidden, head, in.targets, in.weights).loss}, {});
    return counter.peak();
  };
  const auto few = peak(2000);
  const auto many = peak(8000);
  EXPECT_GE(few, 32 << 20);
  EXPECT_LE(few, 160000000 * 2 / 3);  // of the logits of 2000 tokens
  EXPECT_LE(many, few * 5 / 4);
}

// Logprobs and entropies of every token, then a loss in which each has another slope.
struct LogprobPass {
  TokenLogprobs result;
  at::Tensor d_hidden;
  at::Tensor d_head;
};
at::Tensor uneven_sum(const TokenLogprobs& out) {
  const auto slope = uneven_gradient(out.logprobs);
  return (out.logprobs * slope).sum() + (out.entropy * slope.flip(0).mul(0.7)).sum();
}
LogprobPass run_logprobs(const Inputs& in, double temperature) {
  const auto hidden = in.hidden.detach().clone().requires_grad_(true);
  const auto head = trained(in.head);
  auto result = linear_logprobs(hidden, head, in.targets, temperature);
  torch::autograd::backward({uneven_sum(result)}, {});
  return {.result = result, .d_hidden = hidden.grad(), .d_head = head.grad};
}
LogprobPass composite_logprobs(const Inputs& in, double temperature) {
  const auto hidden = in.hidden.to(at::kDouble).detach().clone().requires_grad_(true);
  const auto head = in.head.to(at::kDouble).detach().clone().requires_grad_(true);
  const auto log_p = at::mm(hidden, head.t()).div(temperature).log_softmax(1);
  TokenLogprobs result{.logprobs = log_p.gather(1, in.targets.to(at::kLong).unsqueeze(1)).squeeze(1),
                       .entropy = -(log_p.exp() * log_p).sum(1)};
  torch::autograd::backward({uneven_sum(result)}, {});
  return {.result = result, .d_hidden = hidden.grad(), .d_head = head.grad()};
}

TEST(LinearLogprobs, AreThoseOfPlainOperators) {
  const auto in = random_inputs(37, 1003, 24, at::kFloat);
  for (const double temperature : {1.0, 0.7}) {
    const auto ours = run_logprobs(in, temperature);
    const auto plain = composite_logprobs(in, temperature);
    EXPECT_LE(largest_difference(ours.result.logprobs, plain.result.logprobs), 1e-5);
    EXPECT_LE(largest_difference(ours.result.entropy, plain.result.entropy), 1e-5);
    EXPECT_LE(largest_difference(ours.d_hidden, plain.d_hidden), 1e-5);
    EXPECT_LE(largest_difference(ours.d_head, plain.d_head), 1e-5);
  }
}

TEST(LinearLogprobs, GradientsAreTheSlopes) {
  const auto in = random_inputs(5, 7, 4, at::kDouble);
  const auto sum = [&](const at::Tensor& hidden, const at::Tensor& head) {
    return uneven_sum(linear_logprobs(hidden, {.value = head, .grad = {}}, in.targets, 1.3)).item<double>();
  };
  const auto ours = run_logprobs(in, 1.3);
  const auto by_hidden = central_difference([&](const at::Tensor& x) { return sum(x, in.head); }, in.hidden);
  const auto by_head = central_difference([&](const at::Tensor& x) { return sum(in.hidden, x); }, in.head);
  EXPECT_LE(largest_difference(ours.d_hidden, by_hidden), 1e-9);
  EXPECT_LE(largest_difference(ours.d_head, by_head), 1e-9);
}

// Logits (0, log 3) / 0.5 = (0, log 9): p = (1/10, 9/10).
TEST(LinearLogprobs, OfTwoWordsAreThoseByHand) {
  const auto head = at::tensor({0.0F, std::log(3.0F)}).view({2, 1});
  const auto out = linear_logprobs(at::ones({1, 1}), {.value = head, .grad = {}}, at::zeros({1}, at::kInt), 0.5);
  EXPECT_NEAR(out.logprobs.item<double>(), std::log(0.1), 1e-6);
  EXPECT_NEAR(out.entropy.item<double>(), -(0.1 * std::log(0.1) + 0.9 * std::log(0.9)), 1e-6);
}

TEST(LinearLogprobs, HoldNoMoreLogitsForMoreTokens) {
  CountingAllocator counter;
  const auto in = random_inputs(4000, 20000, 8, at::kFloat);
  const auto head = trained(in.head);
  const auto hidden = in.hidden.requires_grad_(true);
  counter.reset();
  torch::autograd::backward({uneven_sum(linear_logprobs(hidden, head, in.targets))}, {});
  EXPECT_LE(counter.peak(), 320000000 / 4);  // a quarter of the logits
}

TEST(LinearLogprobs, TrainTheHeadAlone) {
  const auto in = random_inputs(5, 9, 4, at::kFloat);
  const auto head = trained(in.head);
  torch::autograd::backward({uneven_sum(linear_logprobs(in.hidden, head, in.targets))}, {});
  EXPECT_TRUE(at::equal(head.grad, run_logprobs(in, 1).d_head));
}

}  // namespace
}  // namespace llmtrain
