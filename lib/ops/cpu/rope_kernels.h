#pragma once
#include <ATen/core/Tensor.h>

#include "lib/ops/rope.h"

namespace llmtrain {

enum class RopeDirection { kForward, kBack };  // kBack turns by the negative angle: the transpose, and the inverse

struct RopeHeads {
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
};

// from, to: [tokens, width] with dense rows; to may be from. What stands after the heads is copied where they differ.
void rope_turn(const at::Tensor& from, const at::Tensor& to, const RopeTable& table, const at::Tensor& positions,
               const RopeHeads& heads, RopeDirection direction);

}  // namespace llmtrain
