// bf16 beside a decoder of plain operators in bf16 with the same weights; truth is the fp64 decoder with those weights.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/model/plain_decoder.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

class Bf16 : public testing::TestWithParam<std::string> {};

DecoderInput worked_input() {
  std::vector<TokenIds> rows;
  for (std::uint64_t row = 0; row < 5; ++row) rows.push_back(some_ids(24, 40 + row));
  return input_of(rows);
}

double mean_square(const at::Tensor& x) { return x.to(at::kDouble).pow(2).mean().item<double>(); }

TEST_P(Bf16, ErrsLessThanTwicePlainOperators) {
  const OneThread one_thread;
  const TinyModel model(GetParam(), kBf16Store);
  const auto input = worked_input();
  const auto truth = plain_decoder(model.shape, model.store, at::kDouble).logits(input);
  const auto plain = plain_decoder(model.shape, model.store, at::kBFloat16).logits(input);
  const auto ours = logits_of(model.decoder, input);
  ASSERT_EQ(ours.scalar_type(), at::kBFloat16);
  const double our_error = std::sqrt(mean_square(ours - truth));
  const double plain_error = std::sqrt(mean_square(plain - truth));
  RecordProperty("rms_error", std::to_string(our_error));
  RecordProperty("plain_rms_error", std::to_string(plain_error));
  EXPECT_GT(our_error, 0);
  EXPECT_LE(our_error, 2 * plain_error);
}

double divergence(const at::Tensor& truth, const at::Tensor& logits) {
  const auto logprobs = truth.log_softmax(1);
  return (logprobs.exp() * (logprobs - logits.log_softmax(1))).sum(1).mean().item<double>();
}

// With logits from bf16 activations in wide types, as the loss takes them. Where a processor's bf16 products round more
// than usual, plain operators do as well.
TEST_P(Bf16, GivesTheSameDistribution) {
  const OneThread one_thread;
  const TinyModel model(GetParam(), kBf16Store);
  const auto input = worked_input();
  const auto truth = plain_decoder(model.shape, model.store, at::kDouble).logits(input);
  const auto head = model.decoder.head().value.to(at::kDouble);
  const at::NoGradGuard no_grad;
  const auto plain = plain_decoder(model.shape, model.store, at::kBFloat16).hidden(input).to(at::kDouble);
  const double ours = divergence(truth, at::linear(model.decoder.hidden(input).to(at::kDouble), head));
  RecordProperty("kl", std::to_string(ours));
  EXPECT_LE(ours, std::max(1e-4, divergence(truth, at::linear(plain, head))));
}

// Gradients of a plain decoder's loss, flat, in double; weights: made leaves of the given type.
at::Tensor plain_gradients(const TinyModel& model, at::ScalarType type, const LossInput& in) {
  std::map<std::string, at::Tensor> leaves;
  for (const auto& name : model.store.names()) {
    leaves[name] = model.store.weight(name).value.to(type).detach().clone().set_requires_grad(true);
  }
  if (model.shape.tied) leaves["lm_head.weight"] = leaves.at("model.embed_tokens.weight");
  const PlainDecoder plain(model.shape, [&](const std::string& name) { return leaves.at(name); });
  const auto logits = plain.logits(in.input);
  const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
  const auto chosen = logits.to(wide).log_softmax(1).gather(1, in.targets.to(at::kLong).unsqueeze(1)).squeeze(1);
  torch::autograd::backward({-(in.weights.to(wide) * chosen).sum()}, {});
  std::vector<at::Tensor> all;
  for (const auto& name : model.store.names()) all.push_back(leaves.at(name).grad().flatten().to(at::kDouble));
  return at::cat(all);
}

TEST_P(Bf16, GradientsErrLessThanTwicePlainOperators) {
  const OneThread one_thread;
  TinyModel model(GetParam(), kBf16Store);
  const LossInput in{.input = worked_input(),
                     .targets = int_tensor(some_ids(120, 4)),
                     .weights = at::full({120}, 1.0 / 120, at::kDouble)};
  const auto truth = plain_gradients(model, at::kDouble, in);
  const auto plain = plain_gradients(model, at::kBFloat16, in);
  backward(model, in);
  std::vector<at::Tensor> all;
  for (const auto& name : model.store.names()) all.push_back(model.store.weight(name).grad.flatten().to(at::kDouble));
  const double our_error = (at::cat(all) - truth).norm().item<double>();
  RecordProperty("relative_error", std::to_string(our_error / truth.norm().item<double>()));
  RecordProperty("plain_relative_error", std::to_string(((plain - truth).norm() / truth.norm()).item<double>()));
  EXPECT_GT(our_error, 0);
  EXPECT_LE(our_error, 2 * (plain - truth).norm().item<double>());
}

// One a family: LibTorch compiles bf16 products for each shape anew, which takes longer than all that runs.
INSTANTIATE_TEST_SUITE_P(Models, Bf16, testing::Values("gpt2", "llama-bias", "mistral", "qwen2", "qwen3"),
                         golden_test_name);

}  // namespace
}  // namespace llmtrain
