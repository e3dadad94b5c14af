#include "lib/ops/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/rope_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

double scaled_frequency(double frequency, const RopeScaling& scaling) {
  const auto context = static_cast<double>(scaling.original_context);
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength < context / scaling.high_freq_factor) return frequency;
  if (wavelength > context / scaling.low_freq_factor) return frequency / scaling.factor;
  const double smooth =
      (context / wavelength - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
  return (1 - smooth) * frequency / scaling.factor + smooth * frequency;
}

void check_positions(const at::Tensor& x, const RopeTable& table, const at::Tensor& positions) {
  ENSURE(positions.dim() == 1 && positions.size(0) == x.size(0) && positions.scalar_type() == at::kInt &&
             positions.is_contiguous(),
         positions.numel(), x.size(0));
  if (positions.numel() == 0) return;
  const auto* begin = positions.const_data_ptr<std::int32_t>();
  const auto [least, most] = std::minmax_element(begin, begin + positions.numel());
  ENSURE(*least >= 0 && *most < table.cosines.size(0), *least, *most, table.cosines.size(0));
}

// Nobody else can see it, so it may be written to: the tensor and its memory have one owner, the caller.
bool owned_alone(const at::Tensor& gradient) {
  return gradient.use_count() == 1 && gradient.storage().use_count() == 1 && gradient.is_contiguous() &&
         !c10::GradMode::is_enabled();
}

struct RopeFunction : torch::autograd::Function<RopeFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const RopeTable& table,
                            const at::Tensor& positions, const RopeHeads& heads) {
    rope_turn(x, x, table, positions, heads, RopeDirection::kForward);
    context->saved_data["cosines"] = table.cosines;
    context->saved_data["sines"] = table.sines;
    context->saved_data["heads"] = heads.heads;
    context->saved_data["head_dim"] = heads.head_dim;
    context->save_for_backward({positions});
    context->mark_dirty({x});
    return x;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor& gy = gradients[0];
    const RopeTable table = {.cosines = context->saved_data["cosines"].toTensor(),
                             .sines = context->saved_data["sines"].toTensor()};
    const RopeHeads heads = {.heads = context->saved_data["heads"].toInt(),
                             .head_dim = context->saved_data["head_dim"].toInt()};
    const bool in_place = owned_alone(gy);
    const at::Tensor from = in_place || gy.stride(1) == 1 ? gy : gy.contiguous();
    at::Tensor dx = in_place ? gy : at::empty(gy.sizes(), gy.options());
    rope_turn(from, dx, table, context->get_saved_variables()[0], heads, RopeDirection::kBack);
    return {dx, {}, {}, {}, {}};
  }
};

}  // namespace

RopeTable rope_table(std::int64_t positions, std::int64_t head_dim, double theta,
                     const std::optional<RopeScaling>& scaling, at::ScalarType type) {
  ENSURE(positions > 0 && head_dim > 0 && head_dim % 2 == 0, positions, head_dim);
  const std::int64_t half = head_dim / 2;
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor cosines = at::empty({positions, half}, options);
  const at::Tensor sines = at::empty({positions, half}, options);
  auto* cosine = cosines.mutable_data_ptr<double>();
  auto* sine = sines.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < half; ++i) {
    const double plain = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double frequency = scaling ? scaled_frequency(plain, *scaling) : plain;
    for (std::int64_t position = 0; position < positions; ++position) {
      const double angle = static_cast<double>(position) * frequency;
      cosine[position * half + i] = std::cos(angle);
      sine[position * half + i] = std::sin(angle);
    }
  }
  return {.cosines = cosines.to(type), .sines = sines.to(type)};
}

at::Tensor rope_(const at::Tensor& x, const RopeTable& table, const at::Tensor& positions, std::int64_t heads,
                 std::int64_t head_dim) {
  ENSURE(x.dim() == 2 && x.size(1) >= heads * head_dim, x.dim(), heads, head_dim);
  ENSURE(table.cosines.size(1) == head_dim / 2, table.cosines.size(1), head_dim);
  check_positions(x, table, positions);
  const RopeHeads shape = {.heads = heads, .head_dim = head_dim};
  if (records(x, false)) return RopeFunction::apply(x, table, positions, shape);
  rope_turn(x, x, table, positions, shape, RopeDirection::kForward);
  x.unsafeGetTensorImpl()->bump_version();  // so that whoever saved x before learns of it
  return x;
}

}  // namespace llmtrain
