#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace llmtrain {

// Passes over one token's logits, [vocab].

struct LogitRange {
  float largest = 0;
  bool finite = false;  // the largest is a finite number and none is NaN; others may be minus infinity
};
LogitRange logit_range(std::span<const float> logits);

// weights[i] = exp((logits[i] - largest) / temperature), 0 below exp(-87); largest: of them all. block_sums: sums of
// kWeightBlock weights each, in order, which make a walk along the weights short.
inline constexpr std::size_t kWeightBlock = 256;
void token_weights(std::span<const float> logits, float largest, double temperature, std::span<float> weights,
                   std::vector<double>& block_sums);

}  // namespace llmtrain
