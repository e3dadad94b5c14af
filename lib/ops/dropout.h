#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// Which activations of a step are dropped: a function of (key, step, site, token, column) alone, so a recomputed block,
// another split into micro-batches and another number of threads drop the same ones, and nothing is stored.
struct DropoutStream {
  double rate = 0;                // chance to be dropped; 0 is no dropout
  std::uint64_t key = 0;          // stream_key(seed, "dropout")
  std::uint32_t step = 0;         // of training, from 0
  std::uint32_t site = 0;         // which place in the model
  std::uint64_t first_token = 0;  // of x's first row among all tokens of the step
};

// x / (1 - rate) where kept, else 0. x: [tokens, width], contiguous. Element number e = (first_token + token) * width +
// column is kept if word e % 4 of philox4x32({e / 4 low, e / 4 high, site, step}, key) is at or above rate * 2^32.
at::Tensor dropout(const at::Tensor& x, const DropoutStream& stream);

}  // namespace llmtrain
