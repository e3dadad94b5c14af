#pragma once
#include <ATen/core/Tensor.h>

namespace llmtrain {

// silu(gate) * up (arXiv 2002.05202). gate_up: [tokens, 2 ffn], gate before up; gives [tokens, ffn]. Keeps its input
// alone for the backward pass.
at::Tensor swiglu(const at::Tensor& gate_up);

// x Phi(x), exactly (erf) or by the tanh formula that GPT-2 uses (arXiv 1606.08415). x: any shape.
enum class GeluKind { kErf, kTanh };
at::Tensor gelu(const at::Tensor& x, GeluKind kind);

}  // namespace llmtrain
