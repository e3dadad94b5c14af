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

  // One layer's keys and values: [slots * capacity, kv_heads, head_dim] each. A slot's rows begin at first_row and fill
  // up to its length.
  struct Layer {
    at::Tensor keys;
    at::Tensor values;
  };
  const Layer& layer(std::int64_t layer) const { return layers_[static_cast<std::size_t>(layer)]; }
  std::int64_t first_row(std::int64_t slot) const { return slot * capacity_; }
  // Puts tokens' keys and values, [tokens, kv_heads * head_dim] of the cache's type with elements side by side, into
  // rows of a layer: one copy a token, none of what is there.
  void put(std::int64_t layer, const std::vector<std::int64_t>& rows, const at::Tensor& keys, const at::Tensor& values);

  std::int64_t capacity() const { return capacity_; }
  std::int64_t slots() const { return static_cast<std::int64_t>(lengths_.size()); }
  std::int64_t length(std::int64_t slot) const { return lengths_[static_cast<std::size_t>(slot)]; }
  // Sets how many tokens of a slot count: forward after a step, or back.
  void set_length(std::int64_t slot, std::int64_t length);
  // Makes the slot `to` begin with the first `length` tokens of another one, and end there.
  void copy(std::int64_t from, std::int64_t to, std::int64_t length);

 private:
  std::int64_t capacity_;
  std::vector<Layer> layers_;
  std::vector<std::int64_t> lengths_;
};

// Of a cache with one slot.
std::int64_t kv_cache_bytes(const ModelShape& shape, std::int64_t capacity, at::ScalarType type);

}  // namespace llmtrain
