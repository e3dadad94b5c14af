#pragma once
#include <cstdint>
#include <optional>

#include <ATen/core/Tensor.h>

#include "lib/config/model_config.h"

namespace llmtrain {

// Rotary position embedding (arXiv 2104.09864) in the rotate-half order of Hugging Face: element i of a head is paired
// with element i + head_dim / 2 and turned by position * inverse_frequency[i].
struct RopeTable {
  at::Tensor cosines;  // [positions, head_dim / 2] fp32 (double for a double model)
  at::Tensor sines;
};

// Angles are computed in double. scaling: Llama 3.1's stretching (model_config.h gives the formula).
RopeTable rope_table(std::int64_t positions, std::int64_t head_dim, double theta,
                     const std::optional<RopeScaling>& scaling, at::ScalarType type);

// Turns the first `heads` heads of every token of x in place and gives x back (marked changed for autograd).
// x: [tokens, width] with width >= heads * head_dim, e.g. queries, keys and values side by side with heads = query
// heads + key heads; positions: [tokens] int32, below the table's positions (checked). The product is computed in the
// table's type.
at::Tensor rope_(const at::Tensor& x, const RopeTable& table, const at::Tensor& positions, std::int64_t heads,
                 std::int64_t head_dim);

}  // namespace llmtrain
