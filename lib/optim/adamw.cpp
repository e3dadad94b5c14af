#include "lib/optim/adamw.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// Elements that one thread goes through at a time: all buffers of a block stay in its first-level cache.
constexpr std::int64_t kBlock = 1024;

template <class Scalar>
struct Coefficients {
  Scalar shrink;  // 1 - lr * decay
  Scalar one_minus_beta1;
  Scalar beta2;
  Scalar one_minus_beta2;
  Scalar step_size;   // lr / (1 - beta1^t)
  Scalar root_scale;  // 1 / sqrt(1 - beta2^t)
  Scalar eps;
  Scalar grad_scale;

  explicit Coefficients(const AdamWStep& s) {
    const auto t = static_cast<double>(s.count);
    shrink = static_cast<Scalar>(1 - s.lr * s.decay);
    one_minus_beta1 = static_cast<Scalar>(1 - s.beta1);
    beta2 = static_cast<Scalar>(s.beta2);
    one_minus_beta2 = static_cast<Scalar>(1 - s.beta2);
    step_size = static_cast<Scalar>(s.lr / (1 - std::pow(s.beta1, t)));
    root_scale = static_cast<Scalar>(1 / std::sqrt(1 - std::pow(s.beta2, t)));
    eps = static_cast<Scalar>(s.eps);
    grad_scale = static_cast<Scalar>(s.grad_scale);
  }
};

#define LLMTRAIN_ADAMW_LOOP(Scalar)                                                             \
  for (std::int64_t i = 0; i < count; ++i) {                                                    \
    const Scalar g = grad[i] * c.grad_scale;                                                    \
    const Scalar m = exp_avg[i] + c.one_minus_beta1 * (g - exp_avg[i]);                         \
    const Scalar v = c.beta2 * exp_avg_sq[i] + c.one_minus_beta2 * g * g;                       \
    exp_avg[i] = m;                                                                             \
    exp_avg_sq[i] = v;                                                                          \
    master[i] = master[i] * c.shrink - c.step_size * m / (std::sqrt(v) * c.root_scale + c.eps); \
  }

// The buffers never overlap.
__attribute__((target_clones("avx512f", "avx2", "default"))) void step_block(
    float* __restrict master, const float* __restrict grad, float* __restrict exp_avg, float* __restrict exp_avg_sq,
    std::int64_t count, const Coefficients<float>& c) {
  LLMTRAIN_ADAMW_LOOP(float)
}
__attribute__((target_clones("avx512f", "avx2", "default"))) void step_block(
    double* __restrict master, const double* __restrict grad, double* __restrict exp_avg, double* __restrict exp_avg_sq,
    std::int64_t count, const Coefficients<double>& c) {
  LLMTRAIN_ADAMW_LOOP(double)
}
#undef LLMTRAIN_ADAMW_LOOP

template <class To, class From>
void convert(const From* from, To* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(from[i]);
}

template <class Master, class Compute, class Grad>
void step_all(const at::Tensor& master, const at::Tensor& compute, const at::Tensor& grad, const at::Tensor& exp_avg,
              const at::Tensor& exp_avg_sq, const AdamWStep& step) {
  const Coefficients<Master> coefficients(step);
  auto* p = master.data_ptr<Master>();
  auto* g = grad.data_ptr<Grad>();
  auto* m = exp_avg.data_ptr<Master>();
  auto* v = exp_avg_sq.data_ptr<Master>();
  auto* c = compute.data_ptr<Compute>();
  const std::int64_t size = master.numel();
  at::parallel_for(0, (size + kBlock - 1) / kBlock, 16, [&](std::int64_t first, std::int64_t last) {
    std::array<Master, kBlock> wide;
    for (std::int64_t at = first * kBlock; at < std::min(size, last * kBlock); at += kBlock) {
      const std::int64_t count = std::min(kBlock, size - at);
      if constexpr (std::is_same_v<Grad, Master>) {
        step_block(p + at, g + at, m + at, v + at, count, coefficients);
      } else {
        convert(g + at, wide.data(), count);
        step_block(p + at, wide.data(), m + at, v + at, count, coefficients);
      }
      std::fill_n(g + at, count, Grad(0));
      if constexpr (!std::is_same_v<Compute, Master>) convert(p + at, c + at, count);
    }
  });
}

}  // namespace

void adamw_step(const at::Tensor& master, const at::Tensor& compute, const at::Tensor& grad, const at::Tensor& exp_avg,
                const at::Tensor& exp_avg_sq, const AdamWStep& step) {
  const bool same = compute.is_same(master);
  const bool narrow_grad = grad.scalar_type() == at::kBFloat16;
  if (master.scalar_type() == at::kDouble) {
    ENSURE(same && grad.scalar_type() == at::kDouble);
    return step_all<double, double, double>(master, compute, grad, exp_avg, exp_avg_sq, step);
  }
  if (same && !narrow_grad) return step_all<float, float, float>(master, compute, grad, exp_avg, exp_avg_sq, step);
  ENSURE(compute.scalar_type() == at::kBFloat16);
  if (narrow_grad) return step_all<float, at::BFloat16, at::BFloat16>(master, compute, grad, exp_avg, exp_avg_sq, step);
  return step_all<float, at::BFloat16, float>(master, compute, grad, exp_avg, exp_avg_sq, step);
}

}  // namespace llmtrain
