#include "lib/ops/cpu/embedding_kernels.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

// For each token the next one of the same id, and the first token of each id that occurs.
struct Chains {
  std::vector<std::int32_t> next;  // -1 after the last
  std::vector<std::int32_t> first;
};

Chains chain_by_id(const std::int32_t* ids, std::int64_t tokens, std::int64_t table_rows) {
  Chains chains;
  chains.next.resize(static_cast<std::size_t>(tokens));
  std::vector<std::int32_t> head(static_cast<std::size_t>(table_rows), -1);
  for (std::int64_t t = tokens - 1; t >= 0; --t) {
    std::int32_t& slot = head[static_cast<std::size_t>(ids[t])];
    chains.next[static_cast<std::size_t>(t)] = slot;
    slot = static_cast<std::int32_t>(t);
  }
  for (std::int64_t t = 0; t < tokens; ++t) {
    if (head[static_cast<std::size_t>(ids[t])] == t) chains.first.push_back(static_cast<std::int32_t>(t));
  }
  return chains;
}

template <class G, class T>
struct Scatter {
  G* grad = nullptr;  // [table rows, width]
  const T* rows = nullptr;
  const std::int32_t* ids = nullptr;
  const Chains* chains = nullptr;
  std::int64_t grad_stride = 0;
  std::int64_t row_stride = 0;
};

constexpr std::int64_t kColumns = 512;  // summed at a time: two kilobytes, in the first cache

template <class G, class T>
LLMTRAIN_INLINE void scatter_body(const Scatter<G, T>& s, std::int64_t column, std::int64_t count) {
  using C = Compute<T>;
  std::array<C, kColumns> buffer;
  C* sums = buffer.data();
  for (const std::int32_t first : s.chains->first) {
    const T* row = s.rows + first * s.row_stride + column;
    G* grad = s.grad + s.ids[first] * s.grad_stride + column;
    std::int32_t token = s.chains->next[static_cast<std::size_t>(first)];
    if (token < 0) {
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) store(grad[i], load(grad[i]) + load(row[i]));
      continue;
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) sums[i] = load(row[i]);
    for (; token >= 0; token = s.chains->next[static_cast<std::size_t>(token)]) {
      row = s.rows + token * s.row_stride + column;
#pragma omp simd
      for (std::int64_t i = 0; i < count; ++i) sums[i] += load(row[i]);
    }
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) store(grad[i], load(grad[i]) + sums[i]);
  }
}

#define LLMTRAIN_SCATTER(G, T)                                                                            \
  LLMTRAIN_CLONES void scatter_columns(const Scatter<G, T>& s, std::int64_t column, std::int64_t count) { \
    scatter_body(s, column, count);                                                                       \
  }
LLMTRAIN_SCATTER(float, float)
LLMTRAIN_SCATTER(double, double)
LLMTRAIN_SCATTER(c10::BFloat16, c10::BFloat16)
LLMTRAIN_SCATTER(float, c10::BFloat16)
#undef LLMTRAIN_SCATTER

template <class G, class T>
void scatter(const at::Tensor& grad, const at::Tensor& ids, const at::Tensor& rows) {
  constexpr std::int64_t kUnit = 64;  // columns that one thread has alone: whole cache lines
  const auto* id = ids.const_data_ptr<std::int32_t>();
  const std::int64_t tokens = ids.numel();
  const std::int64_t width = grad.size(1);
  const Chains chains = chain_by_id(id, tokens, grad.size(0));
  const Scatter<G, T> work = {.grad = grad.mutable_data_ptr<G>(),
                              .rows = rows.const_data_ptr<T>(),
                              .ids = id,
                              .chains = &chains,
                              .grad_stride = grad.stride(0),
                              .row_stride = rows.stride(0)};
  at::parallel_for(0, (width + kUnit - 1) / kUnit, parallel_grain(tokens * kUnit), [&](std::int64_t b, std::int64_t e) {
    const std::int64_t end = std::min(width, e * kUnit);
    for (std::int64_t column = b * kUnit; column < end; column += kColumns) {
      scatter_columns(work, column, std::min(kColumns, end - column));
    }
  });
}

}  // namespace

at::Tensor gather_rows(const at::Tensor& table, const at::Tensor& ids) {
  const at::Tensor dense = table.stride(1) == 1 ? table : table.contiguous();
  const std::int64_t width = table.size(1);
  at::Tensor out = at::empty({ids.numel(), width}, table.options());
  const auto size = static_cast<std::int64_t>(table.element_size());
  const auto* from = static_cast<const char*>(dense.const_data_ptr());
  auto* to = static_cast<char*>(out.mutable_data_ptr());
  const auto* id = ids.const_data_ptr<std::int32_t>();
  at::parallel_for(0, ids.numel(), parallel_grain(width), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      std::memcpy(to + t * width * size, from + id[t] * dense.stride(0) * size, static_cast<std::size_t>(width * size));
    }
  });
  return out;
}

void add_rows_by_id(const at::Tensor& table_grad, const at::Tensor& ids, const at::Tensor& rows) {
  ENSURE(table_grad.stride(1) == 1, table_grad.stride(1));
  const at::Tensor dense = rows.stride(1) == 1 ? rows : rows.contiguous();
  const auto types = std::pair(table_grad.scalar_type(), rows.scalar_type());
  if (types == std::pair(at::kFloat, at::kFloat)) {
    scatter<float, float>(table_grad, ids, dense);
  } else if (types == std::pair(at::kFloat, at::kBFloat16)) {
    scatter<float, c10::BFloat16>(table_grad, ids, dense);
  } else if (types == std::pair(at::kBFloat16, at::kBFloat16)) {
    scatter<c10::BFloat16, c10::BFloat16>(table_grad, ids, dense);
  } else {
    ENSURE(types == std::pair(at::kDouble, at::kDouble), c10::toString(types.first), c10::toString(types.second));
    scatter<double, double>(table_grad, ids, dense);
  }
}

}  // namespace llmtrain
