#include "lib/optim/grad_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

namespace llmtrain {
namespace {

constexpr std::int64_t kBlock = 1 << 16;

// Lanes let the compiler add several at once; their number fixes the order of the sum.
constexpr std::int64_t kLanes = 16;

template <class Scalar>
__attribute__((target_clones("avx512f", "avx2", "default"))) double sum_of_squares(const Scalar* data,
                                                                                   std::int64_t count) {
  double lanes[kLanes] = {};
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const auto value = static_cast<double>(data[i + lane]);
      lanes[lane] += value * value;
    }
  }
  for (std::int64_t i = whole; i < count; ++i)
    lanes[i - whole] += static_cast<double>(data[i]) * static_cast<double>(data[i]);
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

template <class Scalar>
double sum_of_squares(const at::Tensor& flat) {
  const auto* data = flat.data_ptr<Scalar>();
  const std::int64_t count = flat.numel();
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> sums(static_cast<std::size_t>(blocks));
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      sums[static_cast<std::size_t>(block)] =
          sum_of_squares(data + block * kBlock, std::min(kBlock, count - block * kBlock));
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace

double grad_norm(const WeightStore& store) {
  double sum = 0;
  for (const auto& group : store.groups()) {
    switch (group.grad.scalar_type()) {
      case at::kDouble:
        sum += sum_of_squares<double>(group.grad);
        break;
      case at::kBFloat16:
        sum += sum_of_squares<at::BFloat16>(group.grad);
        break;
      default:
        sum += sum_of_squares<float>(group.grad);
    }
  }
  return std::sqrt(sum);
}

double clip_scale(double norm, double limit) { return limit > 0 ? std::min(1.0, limit / (norm + 1e-6)) : 1.0; }

}  // namespace llmtrain
