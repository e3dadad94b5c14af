#pragma once
#include <ATen/core/Tensor.h>

namespace llmtrain {

// ids: [tokens] int32, contiguous, each a row of the table (not checked here).
at::Tensor gather_rows(const at::Tensor& table, const at::Tensor& ids);

// table_grad[ids[t]] += rows[t]. The rows of one id are summed in the order of their tokens, in fp32 (double for
// double), and added once, so that a bf16 gradient is rounded once and nothing depends on threads.
void add_rows_by_id(const at::Tensor& table_grad, const at::Tensor& ids, const at::Tensor& rows);

}  // namespace llmtrain
