#include "lib/ops/dropout.h"

#include "lib/base/error.h"
#include "lib/ops/cpu/dropout_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const DropoutStream& stream) {
    context->saved_data["rate"] = stream.rate;
    context->saved_data["key"] = static_cast<std::int64_t>(stream.key);
    context->saved_data["step"] = static_cast<std::int64_t>(stream.step);
    context->saved_data["site"] = static_cast<std::int64_t>(stream.site);
    context->saved_data["first_token"] = static_cast<std::int64_t>(stream.first_token);
    return dropout_apply(x, stream);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto number = [&](const char* name) { return context->saved_data[name].toInt(); };
    const DropoutStream stream = {.rate = context->saved_data["rate"].toDouble(),
                                  .key = static_cast<std::uint64_t>(number("key")),
                                  .step = static_cast<std::uint32_t>(number("step")),
                                  .site = static_cast<std::uint32_t>(number("site")),
                                  .first_token = static_cast<std::uint64_t>(number("first_token"))};
    return {dropout_apply(gradients[0], stream), {}};
  }
};

}  // namespace

at::Tensor dropout(const at::Tensor& x, const DropoutStream& stream) {
  ENSURE(x.dim() == 2 && x.is_contiguous(), x.dim());
  if (stream.rate == 0) return x;
  return records(x, false) ? DropoutFunction::apply(x, stream) : dropout_apply(x, stream);
}

}  // namespace llmtrain
