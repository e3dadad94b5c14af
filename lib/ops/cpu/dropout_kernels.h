#pragma once
#include <ATen/core/Tensor.h>

#include "lib/ops/dropout.h"

namespace llmtrain {

// The forward pass on x, and the backward pass on its gradient: the same function. x: [tokens, width].
at::Tensor dropout_apply(const at::Tensor& x, const DropoutStream& stream);

}  // namespace llmtrain
