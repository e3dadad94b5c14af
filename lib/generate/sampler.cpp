#include "lib/generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lib/base/error.h"
#include "lib/ops/cpu/token_weights.h"

namespace llmtrain {
namespace {

template <class Container>
double total_of(const Container& candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double sum, const auto& candidate) { return sum + candidate.weight; });
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  ENSURE(options.temperature >= 0 && options.top_p > 0 && options.min_p >= 0 && options.repetition_penalty > 0,
         options.temperature, options.top_p, options.min_p, options.repetition_penalty);
  ENSURE(!options.top_k || *options.top_k > 0, options.top_k.value_or(0));
}

bool Sampler::likelier(const Candidate& a, const Candidate& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.id < b.id;
}

bool Sampler::draws_from_all() const { return !options_.top_k && options_.top_p >= 1 && options_.min_p == 0; }

std::uint32_t Sampler::draw(std::span<float> logits, std::span<const std::uint32_t> seen, RandomStream& random) {
  const float largest = prepare(logits, seen);
  if (options_.temperature == 0) {
    return static_cast<std::uint32_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
  }
  const double uniform = random.uniform();
  if (draws_from_all()) return draw_from_all(logits, largest, uniform);
  filter(logits, largest);
  double left = uniform * total_of(candidates_);
  for (const auto& candidate : candidates_) {
    left -= candidate.weight;
    if (left < 0) return candidate.id;
  }
  return candidates_.back().id;
}

std::vector<TokenChance> Sampler::chances(std::span<float> logits, std::span<const std::uint32_t> seen) {
  ENSURE(options_.temperature > 0);
  filter(logits, prepare(logits, seen));
  const double total = total_of(candidates_);
  std::vector<TokenChance> chances;
  for (const auto& candidate : candidates_) {
    chances.push_back({.id = candidate.id, .probability = candidate.weight / total});
  }
  return chances;
}

// Gives the largest logit.
float Sampler::prepare(std::span<float> logits, std::span<const std::uint32_t> seen) {
  ENSURE(!logits.empty());
  if (options_.repetition_penalty != 1) penalize(logits, seen);
  const auto range = logit_range(logits);
  if (!range.finite) {
    throw Error(ExitCode::kNumerical, "cannot choose a token: the model gives logits that are NaN or infinite");
  }
  return range.largest;
}

// Once, however often an id was seen.
void Sampler::penalize(std::span<float> logits, std::span<const std::uint32_t> seen) {
  const auto penalty = static_cast<float>(options_.repetition_penalty);
  originals_.clear();
  for (const auto id : seen) {
    ENSURE(id < logits.size(), id, logits.size());
    originals_.push_back(logits[id]);
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    const float logit = originals_[i];
    logits[seen[i]] = logit < 0 ? logit * penalty : logit / penalty;
  }
}

std::uint32_t Sampler::draw_from_all(std::span<const float> logits, float largest, double uniform) {
  weights_.resize(logits.size());
  token_weights(logits, largest, options_.temperature, weights_, block_sums_);
  double left = uniform * std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
  std::size_t block = 0;
  while (block + 1 < block_sums_.size() && left >= block_sums_[block]) left -= block_sums_[block++];
  const std::size_t end = std::min(weights_.size(), (block + 1) * kWeightBlock);
  // Sums that round may carry beyond the block; then its last token that can be drawn is, or the one before it.
  std::size_t last = static_cast<std::size_t>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
  for (std::size_t id = block * kWeightBlock; id < end; ++id) {
    if (weights_[id] == 0) continue;
    last = id;
    left -= static_cast<double>(weights_[id]);
    if (left < 0) break;
  }
  return static_cast<std::uint32_t>(last);
}

void Sampler::filter(std::span<const float> logits, float largest) {
  const bool top_k = options_.top_k && static_cast<std::size_t>(*options_.top_k) < logits.size();
  const double total = top_k ? take_top_k(logits, largest) : take_above(logits, largest);
  if (options_.top_p < 1) keep_nucleus(total);
  // The likeliest weighs 1.
  if (options_.min_p > 0) {
    std::erase_if(candidates_, [&](const Candidate& c) { return c.weight < std::min(options_.min_p, 1.0); });
  }
}

// The k likeliest, by a heap whose front is the least likely of those so far: most tokens are looked at once. Gives the
// sum of their weights.
double Sampler::take_top_k(std::span<const float> logits, float largest) {
  const auto k = static_cast<std::size_t>(*options_.top_k);
  candidates_.clear();
  // A candidate's weight is its logit here.
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const Candidate next{.weight = static_cast<double>(logits[id]), .id = static_cast<std::uint32_t>(id)};
    if (candidates_.size() < k) {
      candidates_.push_back(next);
      std::push_heap(candidates_.begin(), candidates_.end(), likelier);
    } else if (next.weight > candidates_.front().weight) {
      std::pop_heap(candidates_.begin(), candidates_.end(), likelier);
      candidates_.back() = next;
      std::push_heap(candidates_.begin(), candidates_.end(), likelier);
    }
  }
  std::sort(candidates_.begin(), candidates_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  for (auto& candidate : candidates_) {
    candidate.weight = std::exp((candidate.weight - static_cast<double>(largest)) / options_.temperature);
  }
  std::erase_if(candidates_, [](const Candidate& candidate) { return candidate.weight == 0; });
  return total_of(candidates_);
}

// Those that top_p and min_p may keep, without sorting. All tokens below (1 - top_p) / vocab of the sum together have
// less than what top_p leaves out, so none of them is among the fewest that reach it. Gives the sum of all weights.
double Sampler::take_above(std::span<const float> logits, float largest) {
  weights_.resize(logits.size());
  token_weights(logits, largest, options_.temperature, weights_, block_sums_);
  const double total = std::accumulate(block_sums_.begin(), block_sums_.end(), 0.0);
  constexpr double kRounding = 0.999;
  const double least = kRounding * std::max(0.0, 1 - options_.top_p) * total / static_cast<double>(logits.size());
  candidates_.clear();
  for (std::size_t id = 0; id < weights_.size(); ++id) {
    const auto weight = static_cast<double>(weights_[id]);
    if (weight > 0 && weight >= least) candidates_.push_back({.weight = weight, .id = static_cast<std::uint32_t>(id)});
  }
  return total;
}

// Keeps the fewest likeliest whose weights reach top_p of the total: halves, by selection, the range in which the last
// of them must be.
void Sampler::keep_nucleus(double total) {
  const double wanted = options_.top_p * total;
  ranked_ = candidates_;
  auto begin = ranked_.begin();
  auto end = ranked_.end();
  double before = 0;  // weights of those likelier than the range
  while (end - begin > 1) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end, likelier);
    double half = 0;
    for (auto candidate = begin; candidate != middle; ++candidate) half += candidate->weight;
    if (before + half >= wanted) {
      end = middle;
    } else {
      before += half;
      begin = middle;
    }
  }
  const Candidate last = *begin;
  std::erase_if(candidates_, [&](const Candidate& candidate) { return likelier(last, candidate); });
}

}  // namespace llmtrain
