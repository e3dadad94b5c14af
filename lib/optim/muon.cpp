#include "lib/optim/muon.h"

#include <algorithm>
#include <cmath>

#include <ATen/ATen.h>

namespace llmtrain {
namespace {

constexpr double kA = 3.4445;
constexpr double kB = -4.7750;
constexpr double kC = 2.0315;
constexpr double kTiny = 1e-7;

}  // namespace

at::Tensor orthogonalized(const at::Tensor& matrix, std::int64_t steps) {
  const bool tall = matrix.size(0) > matrix.size(1);
  auto x = tall ? matrix.t().contiguous() : matrix;  // the smaller Gram matrix
  x = x / std::max(x.norm().item<double>(), kTiny);
  for (std::int64_t i = 0; i < steps; ++i) {
    const auto gram = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, kB, kC), x, kA, 1);
  }
  return tall ? x.t() : x;
}

void muon_step(const at::Tensor& master, const at::Tensor& grad, const at::Tensor& momentum_buffer,
               const MuonStep& step) {
  const auto g = grad.to(master.scalar_type()) * step.grad_scale;
  momentum_buffer.lerp_(g, 1 - step.momentum);
  const auto update = step.nesterov ? g.lerp(momentum_buffer, step.momentum) : momentum_buffer;
  const double shape = static_cast<double>(master.size(0)) / static_cast<double>(master.size(1));
  master.mul_(1 - step.lr * step.decay);
  master.add_(orthogonalized(update, step.newton_schulz_steps), -step.lr * std::sqrt(std::max(1.0, shape)));
}

}  // namespace llmtrain
