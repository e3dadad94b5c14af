#include "lib/model/recompute.h"

#include <memory>
#include <optional>

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using BlockFunction = std::function<at::Tensor(const at::Tensor&)>;

// LibTorch keeps what a Function needs beside tensors in IValues; a custom class holds ours.
struct Capsule : torch::CustomClassHolder {
  explicit Capsule(BlockFunction function) : forward(std::move(function)) {}
  BlockFunction forward;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& /*anchor*/, const c10::intrusive_ptr<Capsule>& capsule) {
    context->save_for_backward({x});
    context->saved_data["capsule"] = c10::IValue::make_capsule(capsule);
    const at::AutoGradMode off(false);
    return capsule->forward(x);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto capsule = context->saved_data["capsule"].toCapsule();
    const auto& block = static_cast<const Capsule&>(*capsule).forward;
    const bool wanted = context->needs_input_grad(0);
    const auto input = context->get_saved_variables()[0].detach().set_requires_grad(wanted);
    const at::AutoGradMode on(true);
    const auto output = block(input);
    // Not grad(): that visits what leads to x alone, and here nothing may.
    if (output.requires_grad()) torch::autograd::backward({output}, {gradients[0]});
    return {wanted ? input.grad() : at::Tensor(), {}, {}};
  }
};

}  // namespace

at::Tensor recomputed(const at::Tensor& x, BlockFunction forward) {
  if (!at::GradMode::is_enabled()) return forward(x);
  return Recomputed::apply(x, anchor_beside(x, true), c10::make_intrusive<Capsule>(std::move(forward)));
}

}  // namespace llmtrain
