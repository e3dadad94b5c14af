#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lib/base/random.h"

namespace llmtrain {

struct SamplerOptions {
  double temperature = 1.0;  // 0: always the likeliest
  std::optional<std::int64_t> top_k = {};
  double top_p = 1.0;               // the fewest likeliest tokens whose probabilities reach this (arXiv 1904.09751)
  double min_p = 0.0;               // tokens at least this times as likely as the likeliest (arXiv 2407.01082)
  double repetition_penalty = 1.0;  // of tokens that stood before (arXiv 1909.05858): positive logits are divided by it
};

struct TokenChance {
  std::uint32_t id = 0;
  double probability = 0;
};

// Draws tokens. Applied in the order of transformers: repetition penalty, temperature, the top_k likeliest, top_p of
// what is left, min_p. Ties go to the lower id, so that top_k leaves no more than k.
class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options);

  // logits: [vocab] of the next token, into which the penalty is worked. seen: ids of prompt and text so far, for the
  // penalty. The same stream draws the same tokens. A logit of minus infinity is never drawn; NaN, or no finite logit
  // at all, throws Error (4).
  std::uint32_t draw(std::span<float> logits, std::span<const std::uint32_t> seen, RandomStream& random);
  // What is drawn from where the temperature is not 0, by rising id.
  std::vector<TokenChance> chances(std::span<float> logits, std::span<const std::uint32_t> seen);

 private:
  struct Candidate {
    double weight = 0;
    std::uint32_t id = 0;
  };
  static bool likelier(const Candidate& a, const Candidate& b);
  bool draws_from_all() const;
  float prepare(std::span<float> logits, std::span<const std::uint32_t> seen);
  void penalize(std::span<float> logits, std::span<const std::uint32_t> seen);
  std::uint32_t draw_from_all(std::span<const float> logits, float largest, double uniform);
  void filter(std::span<const float> logits, float largest);
  double take_top_k(std::span<const float> logits, float largest);
  double take_above(std::span<const float> logits, float largest);
  void keep_nucleus(double total);

  SamplerOptions options_;
  // Kept from token to token for their memory.
  std::vector<Candidate> candidates_;  // by rising id
  std::vector<Candidate> ranked_;
  std::vector<float> weights_;
  std::vector<double> block_sums_;
  std::vector<float> originals_;
};

}  // namespace llmtrain
