#pragma once
#include <ATen/core/Tensor.h>

namespace llmtrain {

// A weight as the operators take it. Gradients never travel through autograd: the backward pass of an operator adds
// them to `grad` in place, so a weight used twice, several micro-batches and tied weights need nothing else.
struct Weight {
  at::Tensor value;
  // Same shape as value, or undefined for a weight that does not train. Its type may be wider (fp32 beside bf16).
  at::Tensor grad;

  bool defined() const { return value.defined(); }
  bool trains() const { return grad.defined(); }
};

// grad += what, whatever the types.
void accumulate(const at::Tensor& grad, const at::Tensor& what);

// An input for an operator of ours that makes autograd record it although no other input asks for a gradient: an empty
// tensor that requires one where `wanted` and gradients are recorded, else an undefined tensor.
at::Tensor gradient_anchor(bool wanted);

}  // namespace llmtrain
