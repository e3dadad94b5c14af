#include "lib/ops/cpu/column_sums.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/zeros.h>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

template <class T>
LLMTRAIN_INLINE void add_rows_body(const T* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                                   Compute<T>* sums) {
  for (std::int64_t row = 0; row < rows; ++row, x += stride) {
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) sums[i] += load(x[i]);
  }
}

LLMTRAIN_CLONES void add_rows(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                              float* sums) {
  add_rows_body(x, rows, stride, columns, sums);
}
LLMTRAIN_CLONES void add_rows(const double* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                              double* sums) {
  add_rows_body(x, rows, stride, columns, sums);
}
LLMTRAIN_CLONES void add_rows(const c10::BFloat16* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                              float* sums) {
  add_rows_body(x, rows, stride, columns, sums);
}

}  // namespace

RowSlices row_slices(std::int64_t rows) {
  constexpr std::int64_t kLeastRows = 64;
  constexpr std::int64_t kMostSlices = 64;
  const std::int64_t size = std::max(kLeastRows, (rows + kMostSlices - 1) / kMostSlices);
  return {.rows = rows, .size = size, .count = (rows + size - 1) / size};
}

at::Tensor column_sums(const at::Tensor& x) {
  const at::Tensor rows = x.stride(1) == 1 ? x : x.contiguous();
  const std::int64_t columns = x.size(1);
  const RowSlices slices = row_slices(x.size(0));
  const at::Tensor partial = at::zeros({slices.count, columns}, x.options().dtype(compute_type(x.scalar_type())));
  with_float_type(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* data = rows.const_data_ptr<T>();
    auto* sums = partial.mutable_data_ptr<Compute<T>>();
    at::parallel_for(0, slices.count, parallel_grain(slices.size * columns), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t slice = begin; slice < end; ++slice) {
        const std::int64_t first = slice * slices.size;
        add_rows(data + first * rows.stride(0), std::min(slices.size, slices.rows - first), rows.stride(0), columns,
                 sums + slice * columns);
      }
    });
  });
  return sum_slices(partial);
}

at::Tensor sum_slices(const at::Tensor& slices) {
  const at::Tensor total = at::zeros({slices.size(1)}, slices.options());
  const std::int64_t columns = slices.size(1);
  if (slices.scalar_type() == at::kDouble) {
    add_rows(slices.const_data_ptr<double>(), slices.size(0), columns, columns, total.mutable_data_ptr<double>());
  } else {
    add_rows(slices.const_data_ptr<float>(), slices.size(0), columns, columns, total.mutable_data_ptr<float>());
  }
  return total;
}

}  // namespace llmtrain
