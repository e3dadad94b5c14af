#pragma once
#include <cstdint>
#include <functional>

#include "lib/arch/model_shape.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// First values of a decoder's weights, as GPT-2 and nanoGPT choose them: matrices and tables N(0, init_std), the
// projections that write into the residual stream (o_proj, down_proj) with init_std / sqrt(2 layers); norms 1; biases
// 0. A function of (seed, name, element) alone. Fills the master weights and makes the compute weights.
// told: of each tensor's bytes; what it throws ends the work.
void initialize(WeightStore& store, const ModelShape& shape, std::uint64_t seed,
                const std::function<void(std::uint64_t bytes)>& told = nullptr);

// Element `index` of the standard normal stream named by key: half of a Box-Muller pair of Philox words.
double normal_at(std::uint64_t key, std::uint64_t index);

}  // namespace llmtrain
