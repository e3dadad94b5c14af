#pragma once
#include <functional>

#include <ATen/ATen.h>

namespace llmtrain {

// The gradient of a scalar function by central differences: O(step^2) from the truth.
inline at::Tensor central_difference(const std::function<double(const at::Tensor&)>& function, const at::Tensor& at,
                                     double step = 1e-5) {
  const auto x = at.detach().clone().contiguous();
  const auto gradient = at::empty_like(x);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    auto element = x.view(-1).select(0, i);
    const double kept = element.item<double>();
    element.fill_(kept + step);
    const double above = function(x);
    element.fill_(kept - step);
    const double below = function(x);
    element.fill_(kept);
    gradient.view(-1).select(0, i).fill_((above - below) / (2 * step));
  }
  return gradient;
}

inline double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

// The output weighed by numbers that differ everywhere: a scalar through which every output's gradient shows.
inline at::Tensor uneven_gradient(const at::Tensor& out) {
  return at::linspace(-1, 1, out.numel(), at::kDouble).mul(37).sin().view(out.sizes()).to(out.scalar_type());
}

}  // namespace llmtrain
