#pragma once
#include "lib/ops/weight.h"

namespace llmtrain {

// Rows of a table. ids: [tokens] int32, each below the table's rows (checked: ENSURE); table: [rows, embed]; gives
// [tokens, embed]. The gradient is added to table.grad row by row, in an order that does not depend on threads.
at::Tensor embedding(const at::Tensor& ids, const Weight& table);

}  // namespace llmtrain
