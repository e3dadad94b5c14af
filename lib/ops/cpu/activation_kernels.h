#pragma once
#include <ATen/core/Tensor.h>

#include "lib/ops/activation.h"

namespace llmtrain {

// gate_up: [tokens, 2 ffn].
at::Tensor swiglu_forward(const at::Tensor& gate_up);
at::Tensor swiglu_backward(const at::Tensor& gy, const at::Tensor& gate_up);

at::Tensor gelu_forward(const at::Tensor& x, GeluKind kind);
at::Tensor gelu_backward(const at::Tensor& gy, const at::Tensor& x, GeluKind kind);

}  // namespace llmtrain
