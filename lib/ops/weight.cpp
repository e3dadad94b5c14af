#include "lib/ops/weight.h"

#include <ATen/ops/empty.h>

#include "lib/base/error.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {

void accumulate(const at::Tensor& grad, const at::Tensor& what) {
  ENSURE(grad.sizes() == what.sizes(), grad.numel(), what.numel());
  grad.add_(what);
}

at::Tensor gradient_anchor(bool wanted) {
  if (!wanted || !c10::GradMode::is_enabled()) return {};
  return at::empty({0}).requires_grad_(true);
}

void save_weight(torch::autograd::AutogradContext* context, const std::string& name, const Weight& weight) {
  context->saved_data[name] = weight.value;
  context->saved_data[name + "_grad"] = weight.grad;
}

Weight saved_weight(torch::autograd::AutogradContext* context, const std::string& name) {
  return {.value = context->saved_data.at(name).toTensor(), .grad = context->saved_data.at(name + "_grad").toTensor()};
}

}  // namespace llmtrain
