#include "lib/model/kv_cache.h"

#include <cstring>

#include <ATen/ATen.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

void put_rows(const at::Tensor& cache, const std::vector<std::int64_t>& rows, const at::Tensor& from) {
  const std::int64_t width = cache.size(1) * cache.size(2);
  ENSURE(from.scalar_type() == cache.scalar_type() && from.dim() == 2 && from.size(1) == width &&
             (from.stride(1) == 1 || width == 1) && from.size(0) == static_cast<std::int64_t>(rows.size()),
         from.numel(), width, rows.size());
  const auto element = static_cast<std::int64_t>(cache.element_size());
  auto* to = static_cast<std::byte*>(cache.mutable_data_ptr());
  const auto* source = static_cast<const std::byte*>(from.const_data_ptr());
  for (const auto row : rows) {
    ENSURE(row >= 0 && row < cache.size(0), row, cache.size(0));
    std::memcpy(to + row * width * element, source, static_cast<std::size_t>(width * element));
    source += from.stride(0) * element;
  }
}

}  // namespace

KvCache::KvCache(const ModelShape& shape, std::int64_t slots, std::int64_t capacity, at::ScalarType type)
    : capacity_(capacity), lengths_(static_cast<std::size_t>(slots), 0) {
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    const auto both = at::empty({2, slots * capacity, shape.kv_heads, shape.head_dim}, type);
    layers_.push_back({.keys = both.select(0, 0), .values = both.select(0, 1)});
  }
}

void KvCache::put(std::int64_t layer, const std::vector<std::int64_t>& rows, const at::Tensor& keys,
                  const at::Tensor& values) {
  const auto& to = layers_[static_cast<std::size_t>(layer)];
  put_rows(to.keys, rows, keys);
  put_rows(to.values, rows, values);
}

void KvCache::set_length(std::int64_t slot, std::int64_t length) {
  ENSURE(length >= 0 && length <= capacity_, length, capacity_);
  lengths_[static_cast<std::size_t>(slot)] = length;
}

void KvCache::copy(std::int64_t from, std::int64_t to, std::int64_t length) {
  ENSURE(length <= this->length(from), length, this->length(from));
  if (from != to) {
    for (const auto& layer : layers_) {
      for (const auto& tensor : {layer.keys, layer.values}) {
        tensor.narrow(0, first_row(to), length).copy_(tensor.narrow(0, first_row(from), length));
      }
    }
  }
  set_length(to, length);
}

std::int64_t kv_cache_bytes(const ModelShape& shape, std::int64_t capacity, at::ScalarType type) {
  return 2 * shape.layers * capacity * shape.kv_width() * static_cast<std::int64_t>(c10::elementSize(type));
}

}  // namespace llmtrain
