#pragma once
#include <functional>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// Computes forward(x) keeping x alone; the backward pass computes it again with gradients, so its activations are in
// memory for one call at a time (arXiv 1604.06174). forward must be a function of x and of what does not change until
// the backward pass; gradients of weights go where its operators add them, whether or not x asks for one. Bit-identical
// to forward(x).
at::Tensor recomputed(const at::Tensor& x, std::function<at::Tensor(const at::Tensor&)> forward);

}  // namespace llmtrain
