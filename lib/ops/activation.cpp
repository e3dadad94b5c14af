#include "lib/ops/activation.h"

#include <torch/csrc/autograd/custom_function.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/activation_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct SwigluFunction : torch::autograd::Function<SwigluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate_up) {
    context->save_for_backward({gate_up});
    return swiglu_forward(gate_up);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    return {swiglu_backward(gradients[0], context->get_saved_variables()[0])};
  }
};

struct GeluFunction : torch::autograd::Function<GeluFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, GeluKind kind) {
    context->save_for_backward({x});
    context->saved_data["kind"] = static_cast<std::int64_t>(kind);
    return gelu_forward(x, kind);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto kind = static_cast<GeluKind>(context->saved_data["kind"].toInt());
    return {gelu_backward(gradients[0], context->get_saved_variables()[0], kind), {}};
  }
};

}  // namespace

at::Tensor swiglu(const at::Tensor& gate_up) {
  ENSURE(gate_up.dim() == 2 && gate_up.size(1) % 2 == 0, gate_up.dim());
  return records(gate_up, false) ? SwigluFunction::apply(gate_up) : swiglu_forward(gate_up);
}

at::Tensor gelu(const at::Tensor& x, GeluKind kind) {
  return records(x, false) ? GeluFunction::apply(x, kind) : gelu_forward(x, kind);
}

}  // namespace llmtrain
