#pragma once
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/ops/weight.h"

namespace llmtrain {

// Tensors of doubles for tests: standard normal, the same for the same seed whatever the machine.
at::Tensor normal_doubles(at::IntArrayRef sizes, std::uint64_t seed);
// The same as a leaf that requires a gradient, and as a weight whose gradient starts at zero.
at::Tensor normal_input(at::IntArrayRef sizes, std::uint64_t seed);
Weight normal_weight(at::IntArrayRef sizes, std::uint64_t seed);

// Compares gradients by backward with central differences, element by element, in float64.
// output: computes a tensor, or several, from `inputs` (leaves that require a gradient) and `weights`; what is
// compared is the gradient of the sum of all outputs' elements, each times a fixed number. It is called many times, so
// what it changes in place must be a copy. Differences may be up to `tolerance` times the largest element of that
// gradient.
struct Gradcheck {
  std::vector<at::Tensor> inputs = {};
  std::vector<Weight> weights = {};
  double step = 1e-6;
  double tolerance = 1e-6;
};
void expect_gradients(const Gradcheck& check, const std::function<std::vector<at::Tensor>()>& outputs);
void expect_gradients(const Gradcheck& check, const std::function<at::Tensor()>& output);

}  // namespace llmtrain
