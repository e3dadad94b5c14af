#pragma once
#include "lib/ops/weight.h"

namespace llmtrain {

// (x - mean) / sqrt(variance + eps) * weight + bias over the last axis (arXiv 1607.06450), statistics in fp32 (double
// for double). x: [tokens, embed]; weight: [embed]; bias: [embed] or undefined.
at::Tensor layer_norm(const at::Tensor& x, const Weight& weight, const Weight& bias, double eps);

}  // namespace llmtrain
