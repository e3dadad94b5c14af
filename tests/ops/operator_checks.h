#pragma once
#include <functional>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/ops/weight.h"

namespace llmtrain {

// sin(0.7 i + 0.3) * 2 for element i and cos(0.4 i): the inputs and weights of scripts/fixtures/ops_golden.py.
at::Tensor golden_input(at::IntArrayRef sizes);
at::Tensor golden_weight(std::int64_t count);

void expect_values(const at::Tensor& actual, const std::vector<double>& expected, double tolerance);

// Sets LibTorch's threads, and back at the end.
class Threads {
 public:
  explicit Threads(int count);
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads();

 private:
  int before_;
};

// How many more owners `tensor`'s memory has while what `work` returns is alive: what autograd has saved of it.
std::int64_t references_kept(const at::Tensor& tensor, const std::function<at::Tensor()>& work);

// An operator by kernels of ours and by plain operators of LibTorch's autograd.
struct TwoWays {
  std::function<at::Tensor(const at::Tensor& x, const std::vector<Weight>& weights)> ours;
  std::function<at::Tensor(const at::Tensor& x, const std::vector<at::Tensor>& weights)> plain;
};
// x and weights are rounded to bf16; then y and the gradients of x and of all weights, by ours in bf16 and by plain in
// bf16, are compared with plain in float64: the root mean square error of ours may be twice that of plain.
void expect_bf16_near_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights);
// The same in fp32, within `tolerance` of float64 relative to the largest element.
void expect_fp32_near_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights,
                            double tolerance);
// The same in float64 throughout: what is left is the order of rounding.
void expect_fp64_is_plain(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights);

// y and all gradients of `ours` on fp32: bit for bit the same twice on two threads, and, if whatever_threads, on one;
// x must be large enough for two.
void expect_same_bits(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights,
                      bool whatever_threads);

// Going back twice doubles the gradients of weights; a weight without a gradient buffer stays without, and its value as
// it was, while x still gets its gradient.
void expect_gradients_accumulate(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights);

// Weights train although x asks for no gradient.
void expect_weights_train_alone(const TwoWays& ways, const at::Tensor& x, const std::vector<at::Tensor>& weights);

}  // namespace llmtrain
