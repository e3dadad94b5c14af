#include "lib/ops/rms_norm.h"

#include <ATen/ops/rsqrt.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/norm_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const std::optional<at::Tensor>& /*anchor*/,
                            const Weight& weight, double eps) {
    NormResult result = norm_forward(x, weight.value, {}, /*centred=*/false, eps, /*keep_statistics=*/true);
    save_weight(context, "weight", weight);
    context->save_for_backward({x, result.statistics});
    return result.y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Weight weight = saved_weight(context, "weight");
    const variable_list saved = context->get_saved_variables();
    const NormGradients result =
        norm_backward(gradients[0], saved[0], weight.value, saved[1], /*centred=*/false, weight.trains());
    if (weight.trains()) accumulate(weight.grad, result.weight);
    return {result.x, {}, {}, {}};
  }
};

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const Weight& weight, double eps) {
  if (!records(x, weight.trains())) return norm_forward(x, weight.value, {}, false, eps, false).y;
  return RmsNormFunction::apply(x, anchor_beside(x, weight.trains()), weight, eps);
}

at::Tensor rms_norm_reference(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::ScalarType type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor wide = x.to(type);
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, /*keepdim=*/true) + eps);
  return (wide * scale * weight.to(type)).to(x.scalar_type());
}

}  // namespace llmtrain
