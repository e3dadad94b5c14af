#pragma once
#include <cmath>
#include <limits>

#include "lib/ops/cpu/attention_tiles.h"

// A few queries against a cache, compiled as tile_product.h is: keys and values are read where they lie and nothing is
// packed, so a query costs little more than reading them.

namespace llmtrain {
namespace {

template <class T>
LLMTRAIN_INLINE typename Simd<Compute<T>>::Vector load_vector(const T* from) {
  using C = Compute<T>;
  if constexpr (std::is_same_v<T, C>) {
    return Simd<C>::at(from);
  } else {
    typedef std::uint16_t Halves __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES / 2)));
    typedef std::uint32_t Wholes __attribute__((vector_size(LLMTRAIN_VECTOR_BYTES)));
    Halves halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    return reinterpret_cast<typename Simd<C>::Vector>(__builtin_convertvector(halves, Wholes) << 16);
  }
}

// Rows of keys or of values that one query sees.
template <class T>
struct CacheRows {
  const T* first = nullptr;
  std::int64_t stride = 0;
  std::int64_t count = 0;
  std::int64_t head_dim = 0;
};

// scores[key] = q . key; as many keys at once as a vector has lanes, whose sums over lanes are taken together. The last
// vector is filled up with minus infinity.
template <class T>
void score_cache(const Compute<T>* q, const CacheRows<T>& keys, Compute<T>* scores) {
  using C = Compute<T>;
  constexpr std::int64_t kWidth = Simd<C>::kWidth;
  for (std::int64_t key = 0; key < keys.count; key += kWidth) {
    typename Simd<C>::Vector sums[kWidth];
    for (std::int64_t i = 0; i < kWidth; ++i) {
      const T* row = keys.first + std::min(key + i, keys.count - 1) * keys.stride;
      typename Simd<C>::Vector sum{};
      std::int64_t d = 0;
      for (; d + kWidth <= keys.head_dim; d += kWidth) sum += Simd<C>::at(q + d) * load_vector(row + d);
      for (; d < keys.head_dim; ++d) sum[0] += q[d] * load(row[d]);
      sums[i] = sum;
    }
    transpose_square<C>(sums, std::make_index_sequence<kWidth>());
    for (std::int64_t half = kWidth / 2; half > 0; half /= 2) {
      for (std::int64_t i = 0; i < half; ++i) sums[i] += sums[i + half];
    }
    Simd<C>::put(scores + key, sums[0]);
  }
  for (auto key = keys.count; key < round_up(keys.count, kWidth); ++key) {
    scores[key] = -std::numeric_limits<C>::infinity();
  }
}

// Scores become weights; gives their sum.
template <class C>
C weigh_cache(std::int64_t count, C* scores) {
  using Lanes = Simd<C>;
  auto most = Lanes::at(scores);
  for (std::int64_t i = 0; i < count; i += Lanes::kWidth) {
    const auto x = Lanes::at(scores + i);
    most = x > most ? x : most;
  }
  const C largest = Lanes::reduce(most, [](C x, C y) { return x > y ? x : y; });
  typename Lanes::Vector sums{};
  for (std::int64_t i = 0; i < count; i += Lanes::kWidth) {
    const auto weights = weights_of<C>(Lanes::at(scores + i) - largest);
    Lanes::put(scores + i, weights);
    sums += weights;
  }
  return Lanes::reduce(sums, [](C x, C y) { return x + y; });
}

// out = sum over keys of weight * value, some vectors of columns.
template <class T, int kVectors>
void add_values(const Compute<T>* weights, const CacheRows<T>& values, std::int64_t column, Compute<T>* out) {
  using C = Compute<T>;
  typename Simd<C>::Vector sums[kVectors] = {};
  const T* row = values.first + column;
  for (std::int64_t key = 0; key < values.count; ++key, row += values.stride) {
#pragma GCC unroll 4
    for (int n = 0; n < kVectors; ++n) sums[n] += weights[key] * load_vector(row + n * Simd<C>::kWidth);
  }
  for (int n = 0; n < kVectors; ++n) Simd<C>::put(out + column + n * Simd<C>::kWidth, sums[n]);
}

template <class T>
void weigh_values(const Compute<T>* weights, const CacheRows<T>& values, Compute<T>* out) {
  using C = Compute<T>;
  std::int64_t column = 0;
  for (; column + Simd<C>::kWidth <= values.head_dim; column += Simd<C>::kPanel) {
    const auto vectors = std::min<std::int64_t>(kTileVectors, (values.head_dim - column) / Simd<C>::kWidth);
    with_vectors(vectors, [&](auto count) { add_values<T, decltype(count)::value>(weights, values, column, out); });
  }
  for (column = round_down(values.head_dim, Simd<C>::kWidth); column < values.head_dim; ++column) {
    C sum = 0;
    for (std::int64_t key = 0; key < values.count; ++key) {
      sum += weights[key] * load(values.first[key * values.stride + column]);
    }
    out[column] = sum;
  }
}

template <class T>
std::int64_t decode_scratch(const AttentionSizes& sizes, const AttentionTask& task) {
  return 2 * sizes.head_dim + round_up(task.keys, Simd<Compute<T>>::kWidth);
}

template <class T>
void decode_task(const AttentionSizes& sizes, const AttentionTask& task, const AttentionForward<T>& arrays,
                 Compute<T>* scratch) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const C scale = 1 / std::sqrt(static_cast<C>(dim));
  C* const q = scratch;
  C* const out = scratch + dim;
  C* const scores = scratch + 2 * dim;
  for (auto query = task.query_begin; query < task.query_end; ++query) {
    const auto end = task.keys - task.queries + query + 1;
    const auto begin = std::max<std::int64_t>(0, end - sizes.window);
    const auto start = (task.first_key + begin) * arrays.in.kv_stride + task.kv_head * arrays.in.kv_head_stride;
    CacheRows<T> rows{
        .first = arrays.in.k + start, .stride = arrays.in.kv_stride, .count = end - begin, .head_dim = dim};
    for (auto head = task.head_begin; head < task.head_end; ++head) {
      const T* from = arrays.in.q + (task.first_query + query) * arrays.in.q_stride + head * dim;
      T* to = arrays.out + ((task.first_query + query) * sizes.heads + head) * dim;
      for (std::int64_t i = 0; i < dim; ++i) q[i] = load(from[i]) * scale;
      rows.first = arrays.in.k + start;
      score_cache<T>(q, rows, scores);
      const C share = 1 / weigh_cache(rows.count, scores);
      rows.first = arrays.in.v + start;
      weigh_values<T>(scores, rows, out);
      for (std::int64_t i = 0; i < dim; ++i) store(to[i], out[i] * share);
    }
  }
}

template <class T>
AttentionKernel<T> kernel() {
  return {.forward_scratch = forward_scratch<T>,
          .backward_scratch = backward_scratch<T>,
          .decode_scratch = decode_scratch<T>,
          .forward = forward_task<T>,
          .backward = backward_task<T>,
          .decode = decode_task<T>,
          .width = padded_width<Compute<T>>};
}

}  // namespace
}  // namespace llmtrain
