#pragma once
#include <cstdint>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {

// Attention by tiles: scores of some queries against some keys in scratch memory that stays in cache, by a matrix
// product of our own whose tiles end at the diagonal. One task is some queries of one document that share a key head.
// Two instruction sets; where neither is there, attention_reference() runs instead.

struct AttentionSizes {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t window = 0;  // keys that a query sees at most; more than there are where nothing is cut off
};

struct AttentionTask {
  std::int64_t first_query = 0;  // row of the document's first query, and of its output
  std::int64_t first_key = 0;    // row of its first key
  std::int64_t queries = 0;      // of the document; the last stands beside the last key
  std::int64_t keys = 0;
  std::int64_t kv_head = 0;
  std::int64_t head_begin = 0;  // query heads [begin, end) of the task, all of this kv_head
  std::int64_t head_end = 0;
  std::int64_t query_begin = 0;  // queries [begin, end) of the task, counted from the document's first
  std::int64_t query_end = 0;
  std::int64_t partial = -1;  // backward: where its sums of key and value gradients go, -1 if the task owns them
};

// Rows are tokens; strides in elements; elements of a head stand side by side, query heads too.
template <class T>
struct AttentionInputs {
  const T* q = nullptr;
  std::int64_t q_stride = 0;
  const T* k = nullptr;
  const T* v = nullptr;
  std::int64_t kv_stride = 0;
  std::int64_t kv_head_stride = 0;
};

template <class T>
struct AttentionForward {
  AttentionInputs<T> in;
  T* out = nullptr;               // [queries, heads * head_dim]
  Compute<T>* log_sum = nullptr;  // [queries, heads] log of the sum of exponentials of scaled scores; may be null
};

template <class T>
struct AttentionBackward {
  AttentionInputs<T> in;
  const T* out = nullptr;
  const T* d_out = nullptr;
  const Compute<T>* log_sum = nullptr;
  T* dq = nullptr;  // strides as of `in`
  T* dk = nullptr;
  T* dv = nullptr;
  Compute<T>* partials = nullptr;
};

// One type and instruction set.
template <class T>
struct AttentionKernel {
  // Scratch elements that a task needs.
  std::int64_t (*forward_scratch)(const AttentionSizes&, const AttentionTask&) = nullptr;
  std::int64_t (*backward_scratch)(const AttentionSizes&, const AttentionTask&) = nullptr;
  std::int64_t (*decode_scratch)(const AttentionSizes&, const AttentionTask&) = nullptr;
  void (*forward)(const AttentionSizes&, const AttentionTask&, const AttentionForward<T>&, Compute<T>*) = nullptr;
  // Writes dq; adds up key and value gradients, [keys, width] each one after the other where task.partial says, or
  // writes them to dk and dv.
  void (*backward)(const AttentionSizes&, const AttentionTask&, const AttentionBackward<T>&, Compute<T>*) = nullptr;
  // forward for a few queries: reads keys and values where they lie; writes no log_sum.
  void (*decode)(const AttentionSizes&, const AttentionTask&, const AttentionForward<T>&, Compute<T>*) = nullptr;
  std::int64_t (*width)(std::int64_t head_dim) = nullptr;  // head_dim made up to whole vectors
};

// Empty (null) where the compiler or the processor is not of the kind. Given for float, double and BFloat16.
template <class T>
AttentionKernel<T> attention_kernel_avx512();
template <class T>
AttentionKernel<T> attention_kernel_avx2();

}  // namespace llmtrain
