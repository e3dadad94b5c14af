#include "lib/ops/linear.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/column_sums.h"
#include "lib/ops/saved_weight.h"
#include "lib/ops/wide_product.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor multiply(const at::Tensor& x, const Weight& weight, const Weight& bias) {
  const at::Tensor matrix = weight.value.to(x.scalar_type()).t();
  if (!bias.defined()) return at::mm(x, matrix);
  return at::addmm(bias.value.to(x.scalar_type()), x, matrix);
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::optional<at::Tensor>& /*anchor*/,
                            const Weight& weight, const Weight& bias) {
    save_weight(context, "weight", weight);
    save_weight(context, "bias", bias);
    if (weight.trains()) context->save_for_backward({x});
    return multiply(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor& gy = gradients[0];
    const Weight weight = saved_weight(context, "weight");
    const Weight bias = saved_weight(context, "bias");
    if (weight.trains()) add_product(weight.grad, gy.t(), context->get_saved_variables()[0]);
    if (bias.trains()) accumulate(bias.grad, column_sums(gy));
    at::Tensor dx;
    if (context->needs_input_grad(0)) dx = at::mm(gy, weight.value.to(gy.scalar_type()));
    return {dx, {}, {}, {}};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const Weight& weight, const Weight& bias) {
  ENSURE(x.dim() == 2 && x.size(1) == weight.value.size(1), x.dim(), weight.value.size(1));
  const bool trains = weight.trains() || bias.trains();
  if (!records(x, trains)) return multiply(x, weight, bias);
  return LinearFunction::apply(x, anchor_beside(x, trains), weight, bias);
}

}  // namespace llmtrain
