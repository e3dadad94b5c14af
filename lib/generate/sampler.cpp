#include "lib/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// Ids of the `count` largest logits, largest first, lower ids before equal ones.
std::vector<std::uint32_t> likeliest(std::span<const float> logits, std::size_t count) {
  std::vector<std::uint32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0U);
  const auto end = ids.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(ids.begin(), end, ids.end(), [&](std::uint32_t a, std::uint32_t b) {
    return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
  });
  ids.resize(count);
  return ids;
}

// How many of the weights, largest first, reach the share of their sum.
std::size_t nucleus(const std::vector<double>& weights, double share) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  std::size_t count = 0;
  while (count < weights.size() && (count == 0 || sum < share * total)) sum += weights[count++];
  return count;
}

}  // namespace

std::uint32_t sample_token(std::span<const float> logits, const SamplerOptions& options, RandomStream& random) {
  ENSURE(!logits.empty());
  if (std::any_of(logits.begin(), logits.end(), [](float logit) { return std::isnan(logit); })) {
    throw Error(ExitCode::kNumerical, "cannot choose a token: the model gives logits that are NaN");
  }
  if (options.temperature == 0) return likeliest(logits, 1).front();
  const std::size_t candidates =
      options.top_k ? std::min(logits.size(), static_cast<std::size_t>(*options.top_k)) : logits.size();
  const auto ids = likeliest(logits, candidates);
  std::vector<double> weights;
  weights.reserve(ids.size());
  const auto largest = static_cast<double>(logits[ids.front()]);
  for (const auto id : ids)
    weights.push_back(std::exp((static_cast<double>(logits[id]) - largest) / options.temperature));
  if (options.top_p < 1) weights.resize(nucleus(weights, options.top_p));
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return ids[i];
  }
  return ids[weights.size() - 1];
}

}  // namespace llmtrain
