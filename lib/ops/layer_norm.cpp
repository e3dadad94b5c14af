#include "lib/ops/layer_norm.h"

#include "lib/ops/cpu/norm_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::optional<at::Tensor>& /*anchor*/,
                            const Weight& weight, const Weight& bias, double eps) {
    NormResult result = norm_forward(x, weight.value, bias.value, /*centred=*/true, eps, /*keep_statistics=*/true);
    save_weight(context, "weight", weight);
    save_weight(context, "bias", bias);
    context->save_for_backward({x, result.statistics});
    return result.y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Weight weight = saved_weight(context, "weight");
    const Weight bias = saved_weight(context, "bias");
    const variable_list saved = context->get_saved_variables();
    const NormGradients result = norm_backward(gradients[0], saved[0], weight.value, saved[1], /*centred=*/true,
                                               weight.trains() || bias.trains());
    if (weight.trains()) accumulate(weight.grad, result.weight);
    if (bias.trains()) accumulate(bias.grad, result.bias);
    return {result.x, {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, const Weight& weight, const Weight& bias, double eps) {
  const bool trains = weight.trains() || bias.trains();
  if (!records(x, trains)) return norm_forward(x, weight.value, bias.value, true, eps, false).y;
  return LayerNormFunction::apply(x, anchor_beside(x, trains), weight, bias, eps);
}

}  // namespace llmtrain
