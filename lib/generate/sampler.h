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
  double top_p = 1.0;  // the fewest likeliest tokens whose probabilities reach this (arXiv 1904.09751)
};

// Draws a token from logits [vocab]: divided by the temperature, then the top_k likeliest, then top_p of what is left.
// Ties go to the lower id. The same stream gives the same tokens. A logit of -infinity is never drawn; NaN throws Error
// (4).
std::uint32_t sample_token(std::span<const float> logits, const SamplerOptions& options, RandomStream& random);

}  // namespace llmtrain
