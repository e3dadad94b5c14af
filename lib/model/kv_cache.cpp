#include "lib/model/kv_cache.h"

#include <ATen/ATen.h>

#include "lib/base/error.h"

namespace llmtrain {

KvCache::KvCache(const ModelShape& shape, std::int64_t slots, std::int64_t capacity, at::ScalarType type)
    : capacity_(capacity),
      keys_(at::empty({shape.layers, slots, capacity, shape.kv_heads, shape.head_dim}, type)),
      values_(at::empty_like(keys_)),
      lengths_(static_cast<std::size_t>(slots), 0) {}

KvCache::Layer KvCache::layer(std::int64_t layer, std::int64_t slot) const {
  return {.keys = keys_.select(0, layer).select(0, slot),
          .values = values_.select(0, layer).select(0, slot),
          .length = length(slot)};
}

void KvCache::set_length(std::int64_t slot, std::int64_t length) {
  ENSURE(length >= 0 && length <= capacity_, length, capacity_);
  lengths_[static_cast<std::size_t>(slot)] = length;
}

}  // namespace llmtrain
