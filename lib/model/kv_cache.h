#pragma once
#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// Keys and values of sequences being decoded, a slot each.
class KvCache {
 public:
  // Room for `capacity` tokens in each of `slots` sequences.
  KvCache(const ModelShape& shape, std::int64_t slots, std::int64_t capacity, at::ScalarType type);

  // One layer's keys and values of one slot: [capacity, kv_heads, head_dim] each, `length` of them filled.
  struct Layer {
    at::Tensor keys;
    at::Tensor values;
    std::int64_t length = 0;
  };
  Layer layer(std::int64_t layer, std::int64_t slot) const;

  std::int64_t capacity() const { return capacity_; }
  std::int64_t slots() const { return static_cast<std::int64_t>(lengths_.size()); }
  std::int64_t length(std::int64_t slot) const { return lengths_[static_cast<std::size_t>(slot)]; }
  // Sets how many tokens of a slot count: forward after a step, or back.
  void set_length(std::int64_t slot, std::int64_t length);

 private:
  std::int64_t capacity_;
  at::Tensor keys_;  // [layers, slots, capacity, kv_heads, head_dim]
  at::Tensor values_;
  std::vector<std::int64_t> lengths_;
};

}  // namespace llmtrain
