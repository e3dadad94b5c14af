#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// AdamW (arXiv 1711.05101) as torch.optim.AdamW computes it:
//   p -= lr decay p;  m += (1 - b1) (g - m);  v = b2 v + (1 - b2) g^2;
//   p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
struct AdamWStep {
  double lr = 0;
  double beta1 = 0;
  double beta2 = 0;
  double eps = 0;
  double decay = 0;        // 0 for what does not decay
  std::int64_t count = 1;  // t: this step's number, from 1
  double grad_scale = 1;   // gradients are multiplied by it first: clipping
};

// One pass over memory: steps the master weights, makes the compute weights from them and zeroes the gradients. All
// tensors: [size], contiguous. master and moments: one type, fp32 or double; compute: that type (then the same tensor)
// or bf16; grad: that type or bf16.
void adamw_step(const at::Tensor& master, const at::Tensor& compute, const at::Tensor& grad, const at::Tensor& exp_avg,
                const at::Tensor& exp_avg_sq, const AdamWStep& step);

}  // namespace llmtrain
