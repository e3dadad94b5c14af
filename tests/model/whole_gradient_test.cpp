#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/plain_decoder.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class WholeGradient : public testing::TestWithParam<std::string> {};

// Everything at once: documents, uneven weights, dropout, smoothing, the z-loss.
LossInput worked_input() {
  LossInput in{.input = input_of({some_ids(11, 1), some_ids(9, 2), some_ids(4, 3)}),
               .targets = int_tensor(some_ids(24, 4)),
               .weights = at::linspace(0, 1, 24, at::kDouble) / 12};
  in.forward.dropout = {.rate = 0.1, .key = 77, .step = 2, .site = 0, .first_token = 0};
  in.options = {.label_smoothing = 0.1, .z_loss = 1e-2};
  return in;
}

double loss_of(const TinyModel& model, const LossInput& in) {
  const at::NoGradGuard no_grad;
  return cross_entropy_of(model.decoder, in).loss.item<double>();
}

// The derivative by four points: what is left out is of the fourth power of the step.
double derivative(const TinyModel& model, const LossInput& in, at::Tensor element) {
  constexpr double kStep = 1e-3;
  const double value = element.item<double>();
  const auto at_offset = [&](double offset) {
    element.fill_(value + offset);
    return loss_of(model, in);
  };
  const double near = at_offset(kStep) - at_offset(-kStep);
  const double far = at_offset(2 * kStep) - at_offset(-2 * kStep);
  element.fill_(value);
  return (8 * near - far) / (12 * kStep);
}

TEST_P(WholeGradient, IsThatOfFiniteDifferencesIn100Weights) {
  const OneThread one_thread;
  TinyModel model(GetParam(), kFp64Store);
  const auto in = worked_input();
  backward(model, in);
  RandomStream random(7, "which weights");
  int not_zero = 0;
  for (int i = 0; i < 100; ++i) {
    // Parameters alike, so that the small ones come, too.
    const auto& name = model.store.names()[random.below(model.store.names().size())];
    const auto weight = model.store.weight(name);
    const auto element = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(weight.value.numel())));
    const double ours = weight.grad.view(-1)[element].item<double>();
    const double expected = derivative(model, in, weight.value.view(-1)[element]);
    not_zero += std::abs(expected) > 1e-4 ? 1 : 0;
    EXPECT_LE(std::abs(ours - expected), 1e-6 * std::max(std::abs(expected), 1e-4)) << name << " " << element;
  }
  EXPECT_GE(not_zero, 60);
}

// The closed forms by LibTorch's operators: (1 - e) of -log p(target) and e of its mean over the vocabulary, plus the
// weight times log Z^2; its autograd for the gradients.
TEST_P(WholeGradient, IsThatOfThePlainDecoderWithSmoothingAndZLoss) {
  const OneThread one_thread;
  TinyModel model(GetParam(), kFp64Store);
  const auto in = worked_input();
  const double ours = backward(model, in);
  std::map<std::string, at::Tensor> leaves;
  for (const auto& name : model.store.names()) {
    leaves[name] = model.store.weight(name).value.detach().clone().set_requires_grad(true);
  }
  if (model.shape.tied) leaves["lm_head.weight"] = leaves.at("model.embed_tokens.weight");
  const PlainDecoder plain(model.shape, [&](const std::string& name) { return leaves.at(name); });
  const auto logits = plain.logits(in.input, in.forward.dropout);
  const auto log_z = logits.logsumexp(1);
  const auto logprobs = logits - log_z.unsqueeze(1);
  const auto chosen = logprobs.gather(1, in.targets.to(at::kLong).unsqueeze(1)).squeeze(1);
  const auto loss = (in.weights * (-0.9 * chosen - 0.1 * logprobs.mean(1) + 1e-2 * log_z.pow(2))).sum();
  torch::autograd::backward({loss}, {});
  EXPECT_NEAR(ours, loss.item<double>(), 1e-12 * std::abs(ours));
  for (const auto& name : model.store.names()) {
    const auto expected = leaves.at(name).grad();
    const auto difference = (model.store.weight(name).grad - expected).norm().item<double>();
    EXPECT_LE(difference, 1e-11 * std::max(expected.norm().item<double>(), 1e-2)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, WholeGradient, testing::ValuesIn(golden_model_names()), golden_test_name);

}  // namespace
}  // namespace llmtrain
