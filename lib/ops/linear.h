#pragma once
#include "lib/ops/weight.h"

namespace llmtrain {

// x W^T + b. x: [tokens, in]; weight: [out, in]; bias: [out] or undefined; gives [tokens, out] in x's type.
// Gradients of weight and bias are added to theirs by the matrix product itself where types allow it.
at::Tensor linear(const at::Tensor& x, const Weight& weight, const Weight& bias = {});

}  // namespace llmtrain
