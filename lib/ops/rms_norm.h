#pragma once
#include "lib/ops/weight.h"

namespace llmtrain {

// x / sqrt(mean(x^2) + eps) * weight over the last axis (arXiv 1910.07467), statistics in fp32 (double for double).
// x: [tokens, embed] or [tokens, heads, head_dim]; weight: [last axis].
at::Tensor rms_norm(const at::Tensor& x, const Weight& weight, double eps);

// The same by plain operators: what the tests compare with, and what runs where there is no kernel.
at::Tensor rms_norm_reference(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace llmtrain
