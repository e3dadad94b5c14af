#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/model/decoder.h"
#include "lib/ops/linear.h"
#include "lib/ops/linear_logprobs.h"
#include "tests/support/golden_model.h"

namespace llmtrain {

inline constexpr StoreTypes kFp32Store = {};
inline constexpr StoreTypes kFp64Store = {.compute = at::kDouble, .master = at::kDouble, .grad = at::kDouble};
inline constexpr StoreTypes kBf16Store = {.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kFloat};

// Makes a golden's weights; a weight whose shape is not the golden's has the formula's elements all the same.
inline void fill_golden(WeightStore& store, const GoldenModel& golden) {
  std::uint64_t number = 0;
  for (auto parameter : golden.json.at("parameters")) {
    const auto weight = store.master(parameter.at("name").get<std::string>());
    parameter["shape"] = weight.sizes().vec();
    const auto elements = golden_elements(number++, parameter);
    weight.copy_(at::tensor(elements, at::kFloat).view(weight.sizes()));
  }
  store.refresh_compute();
}

// A golden model as a decoder, with another shape where `change` makes one.
struct TinyModel {
  explicit TinyModel(const std::string& name, const StoreTypes& types = kFp32Store,
                     const std::function<void(ModelShape&)>& change = nullptr)
      : golden(golden_model(name)),
        shape(changed(golden.shape, change)),
        store(decoder_layout(shape, StepRule::kAdamW), types),
        decoder(filled(store, golden, shape)) {}

  GoldenModel golden;
  ModelShape shape;
  WeightStore store;
  Decoder decoder;

 private:
  static ModelShape changed(ModelShape shape, const std::function<void(ModelShape&)>& change) {
    if (change) change(shape);
    return shape;
  }
  static Decoder filled(WeightStore& store, const GoldenModel& golden, const ModelShape& shape) {
    fill_golden(store, golden);
    return {shape, store};
  }
};

// While it lives, tensors are computed by one thread. Products of tiny models take microseconds, and on a busy machine
// a second thread is waited for a thousand times as long.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;
  ~OneThread() { at::set_num_threads(before_); }

 private:
  int before_;
};

using TokenIds = std::vector<std::int32_t>;

inline at::Tensor int_tensor(const std::vector<std::int32_t>& values) { return at::tensor(values, at::kInt); }

// Documents end to end, positions from 0 in each.
inline DecoderInput input_of(const std::vector<TokenIds>& documents) {
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> bounds = {0};
  for (const auto& document : documents) {
    for (std::size_t i = 0; i < document.size(); ++i) positions.push_back(static_cast<std::int32_t>(i));
    tokens.insert(tokens.end(), document.begin(), document.end());
    bounds.push_back(static_cast<std::int32_t>(tokens.size()));
  }
  return {.tokens = int_tensor(tokens), .positions = int_tensor(positions), .documents = bounds};
}

// Ids that look drawn, below the golden models' vocabulary.
inline TokenIds some_ids(std::size_t count, std::uint64_t seed) {
  TokenIds ids(count);
  std::uint64_t state = seed * 2 + 1;
  for (auto& id : ids) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    id = static_cast<std::int32_t>((state >> 33U) % 61);
  }
  return ids;
}

// Logits by the output head, all of them: [tokens, vocab]. No gradients.
inline at::Tensor logits_of(const Decoder& decoder, const at::Tensor& hidden) {
  const at::NoGradGuard no_grad;
  return linear(hidden, decoder.head());
}
inline at::Tensor logits_of(const Decoder& decoder, const DecoderInput& input) {
  const at::NoGradGuard no_grad;
  return logits_of(decoder, decoder.hidden(input));
}

// A forward and a backward pass: sum over tokens of weight * loss. The store's gradients are of this pass alone.
struct LossInput {
  DecoderInput input;
  at::Tensor targets;  // [tokens] int32
  at::Tensor weights;  // [tokens] of any type
  ForwardOptions forward = {};
  CrossEntropyOptions options = {};
};
inline CrossEntropy cross_entropy_of(const Decoder& decoder, const LossInput& in) {
  const auto hidden = decoder.hidden(in.input, in.forward);
  const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  return linear_cross_entropy(hidden, decoder.head(), in.targets, in.weights.to(type), in.options);
}
inline double backward(TinyModel& model, const LossInput& in) {
  model.store.zero_grad();
  const auto entropy = cross_entropy_of(model.decoder, in);
  torch::autograd::backward({entropy.loss}, {});
  return entropy.loss.item<double>();
}

// Every group's gradients, padding too.
inline std::vector<at::Tensor> gradients_of(const WeightStore& store) {
  std::vector<at::Tensor> all;
  for (const auto& group : store.groups()) all.push_back(group.grad.clone());
  return all;
}

inline bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return at::equal(one, other); });
}

// For INSTANTIATE_TEST_SUITE_P over golden_model_names().
inline std::string golden_test_name(const testing::TestParamInfo<std::string>& model) {
  std::string name = model.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

// The largest |a - b| / max(1, |b|).
inline double largest_error(const at::Tensor& a, const at::Tensor& b) {
  const auto expected = b.to(at::kDouble);
  return ((a.to(at::kDouble) - expected).abs() / expected.abs().clamp_min(1)).max().item<double>();
}

}  // namespace llmtrain
