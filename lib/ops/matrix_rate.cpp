#include "lib/ops/matrix_rate.h"

#include <algorithm>
#include <chrono>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace llmtrain {
namespace {

// Large enough that products are at their best and small enough for tens of them in a tenth of a second.
constexpr std::int64_t kSize = 1024;

}  // namespace

double measured_matrix_rate(c10::ScalarType type, double seconds) {
  using Clock = std::chrono::steady_clock;
  const at::NoGradGuard no_grad;
  const auto a = at::ones({kSize, kSize}, type);
  const auto b = at::ones({kSize, kSize}, type);
  auto product = at::empty({kSize, kSize}, type);
  at::mm_out(product, a, b);  // kernels are chosen, memory is touched
  const double operations = 2.0 * kSize * kSize * kSize;
  double best = 0;
  const auto start = Clock::now();
  do {
    const auto before = Clock::now();
    at::mm_out(product, a, b);
    const double taken = std::chrono::duration<double>(Clock::now() - before).count();
    best = std::max(best, operations / std::max(taken, 1e-9));
  } while (std::chrono::duration<double>(Clock::now() - start).count() < seconds);
  return best;
}

}  // namespace llmtrain
