#pragma once
#include <ATen/core/Tensor.h>

namespace llmtrain {

// Products whose result may be wider than their factors: bf16 times bf16, summed and given in fp32, where LibTorch
// would round the result to bf16. By MKL's own routine where LibTorch holds one and the processor multiplies bf16, else
// by a bf16 product that is widened afterwards. Where all types agree, plain addmm.

// to = a b. a: [rows, inner], b: [inner, columns], to: [rows, columns]; a or b may be transposed views.
void product_into(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b);

// to += a b.
void add_product(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b);

}  // namespace llmtrain
