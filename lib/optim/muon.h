#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

#include "lib/config/optim_config.h"

namespace llmtrain {

// The nearest semi-orthogonal matrix to `matrix` [rows, columns], nearly: `steps` Newton-Schulz iterations of the odd
// quintic a X + b (X X^T) X + c (X X^T)^2 X with a, b, c = 3.4445, -4.7750, 2.0315, begun at the matrix over its
// Frobenius norm (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"). Singular values land
// near 1, within about 0.7 to 1.2.
at::Tensor orthogonalized(const at::Tensor& matrix, std::int64_t steps);

struct MuonStep {
  double lr = 0;
  double momentum = 0;
  bool nesterov = true;
  std::int64_t newton_schulz_steps = 5;
  double decay = 0;
  double grad_scale = 1;
};

// Steps one matrix as torch.optim.Muon does, products in the master's type:
//   buffer += (1 - momentum) (g - buffer);  u = g + momentum (buffer - g) with nesterov, else buffer;
//   p -= lr decay p;  p -= lr sqrt(max(1, rows / columns)) orthogonalized(u)
// master, grad, momentum_buffer: [rows, columns]; the gradient may be bf16. It is left as it is.
void muon_step(const at::Tensor& master, const at::Tensor& grad, const at::Tensor& momentum_buffer,
               const MuonStep& step);

}  // namespace llmtrain
