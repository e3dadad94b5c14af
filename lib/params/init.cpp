#include "lib/params/init.h"

#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "lib/base/random.h"

namespace llmtrain {
namespace {

struct Normals {
  double first;
  double second;
};

// A pair of normals from the 128 bits at place `pair`: 53 bits of radius, 53 of angle.
Normals normal_pair(std::uint64_t key, std::uint64_t pair) {
  const auto low = static_cast<std::uint32_t>(pair);
  const auto high = static_cast<std::uint32_t>(pair >> 32U);
  const auto words =
      philox4x32({low, high, 0, 0}, {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32U)});
  const auto uniform = [](std::uint32_t a, std::uint32_t b) {
    const std::uint64_t bits = (static_cast<std::uint64_t>(a) << 32U | b) >> 11U;
    return (static_cast<double>(bits) + 1.0) * 0x1.0p-53;  // (0, 1]
  };
  const double radius = std::sqrt(-2.0 * std::log(uniform(words[0], words[1])));
  const double angle = 2.0 * std::numbers::pi * uniform(words[2], words[3]);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

bool writes_residual(const std::string& name) {
  return name.ends_with(".o_proj.weight") || name.ends_with(".down_proj.weight");
}

template <class Scalar>
void fill_normal(const at::Tensor& weight, std::uint64_t key, double deviation) {
  auto* data = weight.data_ptr<Scalar>();
  const std::int64_t count = weight.numel();
  at::parallel_for(0, (count + 1) / 2, 4096, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pair = begin; pair < end; ++pair) {
      const auto [first, second] = normal_pair(key, static_cast<std::uint64_t>(pair));
      data[2 * pair] = static_cast<Scalar>(deviation * first);
      if (2 * pair + 1 < count) data[2 * pair + 1] = static_cast<Scalar>(deviation * second);
    }
  });
}

}  // namespace

double normal_at(std::uint64_t key, std::uint64_t index) {
  const auto [first, second] = normal_pair(key, index / 2);
  return index % 2 == 0 ? first : second;
}

void initialize(WeightStore& store, const ModelShape& shape, std::uint64_t seed,
                const std::function<void(std::uint64_t bytes)>& told) {
  for (const auto& name : store.names()) {
    const auto weight = store.master(name);
    if (told) told(weight.nbytes());
    if (weight.dim() == 1) {
      weight.fill_(name.ends_with(".bias") ? 0.0 : 1.0);
      continue;
    }
    const double residuals = std::sqrt(2.0 * static_cast<double>(shape.layers));
    const double deviation = writes_residual(name) ? shape.init_std / residuals : shape.init_std;
    const std::uint64_t key = stream_key(seed, "init " + name);
    if (weight.scalar_type() == at::kDouble) {
      fill_normal<double>(weight, key, deviation);
    } else {
      fill_normal<float>(weight, key, deviation);
    }
  }
  store.refresh_compute();
}

}  // namespace llmtrain
