#include "lib/ops/cpu/attention_decode.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lib/ops/cpu/vector_math.h"

namespace llmtrain {
namespace {

template <class T>
LLMTRAIN_INLINE Compute<T> dot(const Compute<T>* q, const T* k, std::int64_t n) {
  Compute<T> sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += q[i] * load(k[i]);
  return sum;
}

// One query of one head, scaled, in q: weights of the keys [begin, end) into scores, their sum returned.
template <class T>
struct DecodeRow {
  const T* keys;
  const T* values;
  std::int64_t stride;
  std::int64_t begin;
  std::int64_t end;
  std::int64_t head_dim;
};

template <class T>
LLMTRAIN_INLINE void decode_row(const DecodeRow<T>& row, const Compute<T>* q, Compute<T>* scores, Compute<T>* out) {
  using C = Compute<T>;
  C largest = -std::numeric_limits<C>::infinity();
  for (auto key = row.begin; key < row.end; ++key) {
    scores[key - row.begin] = dot<T>(q, row.keys + key * row.stride, row.head_dim);
    largest = std::max(largest, scores[key - row.begin]);
  }
  const auto count = row.end - row.begin;
  C sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    scores[i] = vector_exp(scores[i] - largest);
    sum += scores[i];
  }
  std::fill_n(out, row.head_dim, C{0});
  for (auto key = row.begin; key < row.end; ++key) {
    const C weight = scores[key - row.begin];
    const T* value = row.values + key * row.stride;
#pragma omp simd
    for (std::int64_t i = 0; i < row.head_dim; ++i) out[i] += weight * load(value[i]);
  }
  const C share = 1 / sum;
#pragma omp simd
  for (std::int64_t i = 0; i < row.head_dim; ++i) out[i] *= share;
}

template <class T>
LLMTRAIN_INLINE void decode_body(const AttentionSizes& sizes, const AttentionTask& task,
                                 const AttentionForward<T>& arrays, Compute<T>* scratch) {
  using C = Compute<T>;
  const auto dim = sizes.head_dim;
  const C scale = 1 / std::sqrt(static_cast<C>(dim));
  C* q = scratch;
  C* out = scratch + dim;
  const auto start = task.first_key * arrays.in.kv_stride + task.kv_head * arrays.in.kv_head_stride;
  for (auto query = task.query_begin; query < task.query_end; ++query) {
    const auto end = task.keys - task.queries + query + 1;
    const DecodeRow<T> row{.keys = arrays.in.k + start,
                           .values = arrays.in.v + start,
                           .stride = arrays.in.kv_stride,
                           .begin = std::max<std::int64_t>(0, end - sizes.window),
                           .end = end,
                           .head_dim = dim};
    for (auto head = task.head_begin; head < task.head_end; ++head) {
      const T* from = arrays.in.q + (task.first_query + query) * arrays.in.q_stride + head * dim;
      T* to = arrays.out + ((task.first_query + query) * sizes.heads + head) * dim;
      for (std::int64_t i = 0; i < dim; ++i) q[i] = load(from[i]) * scale;
      decode_row(row, q, scratch + 2 * dim, out);
      for (std::int64_t i = 0; i < dim; ++i) store(to[i], out[i]);
    }
  }
}

LLMTRAIN_CLONES void decode(const AttentionSizes& sizes, const AttentionTask& task,
                            const AttentionForward<float>& arrays, float* scratch) {
  decode_body(sizes, task, arrays, scratch);
}
LLMTRAIN_CLONES void decode(const AttentionSizes& sizes, const AttentionTask& task,
                            const AttentionForward<double>& arrays, double* scratch) {
  decode_body(sizes, task, arrays, scratch);
}
LLMTRAIN_CLONES void decode(const AttentionSizes& sizes, const AttentionTask& task,
                            const AttentionForward<c10::BFloat16>& arrays, float* scratch) {
  decode_body(sizes, task, arrays, scratch);
}

}  // namespace

std::int64_t decode_scratch(const AttentionSizes& sizes, const AttentionTask& task) {
  return 2 * sizes.head_dim + task.keys;
}

template <class T>
void decode_task(const AttentionSizes& sizes, const AttentionTask& task, const AttentionForward<T>& arrays,
                 Compute<T>* scratch) {
  decode(sizes, task, arrays, scratch);
}

template void decode_task(const AttentionSizes&, const AttentionTask&, const AttentionForward<float>&, float*);
template void decode_task(const AttentionSizes&, const AttentionTask&, const AttentionForward<double>&, double*);
template void decode_task(const AttentionSizes&, const AttentionTask&, const AttentionForward<c10::BFloat16>&, float*);

}  // namespace llmtrain
