#pragma once
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lib/ops/weight.h"

namespace llmtrain {

// Whether an operator must leave a node for the backward pass.
inline bool records(const at::Tensor& x, bool weights_train) {
  return c10::GradMode::is_enabled() && (x.requires_grad() || weights_train);
}

// The anchor as a custom Function takes it: only where x does not lead to the node by itself.
inline std::optional<at::Tensor> anchor_beside(const at::Tensor& x, bool weights_train) {
  const at::Tensor anchor = gradient_anchor(weights_train && !x.requires_grad());
  return anchor.defined() ? std::optional(anchor) : std::nullopt;
}

// Keeps a weight from forward to backward without the check of versions that save_for_backward makes: the optimizer
// writes values in place, every backward pass writes gradients in place.
void save_weight(torch::autograd::AutogradContext* context, const std::string& name, const Weight& weight);
Weight saved_weight(torch::autograd::AutogradContext* context, const std::string& name);

}  // namespace llmtrain
