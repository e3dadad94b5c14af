#include "lib/ops/cpu/token_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/ops/cpu/vector_math.h"

namespace llmtrain {
namespace {

constexpr std::size_t kLanes = 16;

// The largest of the numbers; NaN is passed over, and counted in `nan`.
LLMTRAIN_CLONES
float largest_of(const float* x, std::size_t count, std::uint32_t& nan) {
  float most[kLanes];
  std::uint32_t nans[kLanes] = {};
  std::fill_n(most, kLanes, -std::numeric_limits<float>::infinity());
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = x[i + lane];
      most[lane] = value > most[lane] ? value : most[lane];
      nans[lane] |= value != value ? 1U : 0U;
    }
  }
  for (; i < count; ++i) {
    most[0] = x[i] > most[0] ? x[i] : most[0];
    nans[0] |= x[i] != x[i] ? 1U : 0U;
  }
  for (std::size_t lane = 1; lane < kLanes; ++lane) {
    most[0] = most[lane] > most[0] ? most[lane] : most[0];
    nans[0] |= nans[lane];
  }
  nan = nans[0];
  return most[0];
}

// The weights of one block; gives their sum.
LLMTRAIN_CLONES
double weigh(const float* logits, std::size_t count, float largest, float scale, float* weights) {
  constexpr float kLeast = -87.0F;
  double sums[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float x = (logits[i + lane] - largest) * scale;
      const float weight = vector_exp(x);
      weights[i + lane] = x < kLeast ? 0.0F : weight;
      sums[lane] += static_cast<double>(weights[i + lane]);
    }
  }
  for (; i < count; ++i) {
    const float x = (logits[i] - largest) * scale;
    weights[i] = x < kLeast ? 0.0F : vector_exp(x);
    sums[0] += static_cast<double>(weights[i]);
  }
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace

LogitRange logit_range(std::span<const float> logits) {
  std::uint32_t nan = 0;
  const float largest = largest_of(logits.data(), logits.size(), nan);
  return {.largest = largest, .finite = nan == 0 && std::isfinite(largest)};
}

void token_weights(std::span<const float> logits, float largest, double temperature, std::span<float> weights,
                   std::vector<double>& block_sums) {
  // A temperature whose inverse is no fp32 number leaves the largest alone.
  const double inverse = std::min(1 / temperature, static_cast<double>(std::numeric_limits<float>::max()));
  block_sums.clear();
  for (std::size_t first = 0; first < logits.size(); first += kWeightBlock) {
    const auto count = std::min(kWeightBlock, logits.size() - first);
    block_sums.push_back(
        weigh(logits.data() + first, count, largest, static_cast<float>(inverse), weights.data() + first));
  }
}

}  // namespace llmtrain
