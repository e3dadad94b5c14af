#pragma once
#include <cstdint>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// Rows are cut into slices that depend on their number alone; what is summed over rows is summed in each slice and then
// over the slices in order, so that sums do not depend on the number of threads.
struct RowSlices {
  std::int64_t rows = 0;
  std::int64_t size = 0;   // rows of a slice; the last may have fewer
  std::int64_t count = 0;  // slices
};
RowSlices row_slices(std::int64_t rows);

// x: [rows, columns]; gives [columns] in fp32 (double for double).
at::Tensor column_sums(const at::Tensor& x);

// slices: [count, columns] fp32 or double; gives their sum [columns].
at::Tensor sum_slices(const at::Tensor& slices);

}  // namespace llmtrain
