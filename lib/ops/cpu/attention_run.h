#pragma once
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/ops/cpu/attention_plan.h"

namespace llmtrain {

// Attention's kernels on tensors, all tasks of a call in one parallel region.

// Whether this processor has a kernel for tensors of this type; if not, nothing below may be called.
bool has_attention_kernel(at::ScalarType type);

// q: [queries, heads * head_dim or more], k, v: [keys, kv_heads, head_dim]; rows and heads may be strided, the elements
// of a head not. out: [queries, heads * head_dim]; log_sum: [queries, heads] fp32 (double for double) or undefined.
struct AttentionViews {
  at::Tensor q;
  at::Tensor k;
  at::Tensor v;
};
void attention_forward(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                       const AttentionViews& in, const at::Tensor& out, const at::Tensor& log_sum);

// The same for a few queries a document, reading keys and values where they lie.
void attention_decode(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                      const AttentionViews& in, const at::Tensor& out);

// Writes every element of the gradients, whose strides are those of `in`.
struct AttentionOutputs {
  at::Tensor out;
  at::Tensor d_out;  // contiguous
  at::Tensor log_sum;
};
void attention_backward(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                        const AttentionViews& in, const AttentionOutputs& outputs, const AttentionViews& gradients);

}  // namespace llmtrain
