#include "lib/ops/embedding.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/ops/cpu/embedding_kernels.h"
#include "lib/ops/saved_weight.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_ids(const at::Tensor& ids, std::int64_t rows) {
  ENSURE(ids.dim() == 1 && ids.scalar_type() == at::kInt && ids.is_contiguous(), ids.dim());
  if (ids.numel() == 0) return;
  const auto* begin = ids.const_data_ptr<std::int32_t>();
  const auto [least, most] = std::minmax_element(begin, begin + ids.numel());
  ENSURE(*least >= 0 && *most < rows, *least, *most, rows);
}

struct EmbeddingFunction : torch::autograd::Function<EmbeddingFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& ids,
                            const std::optional<at::Tensor>& /*anchor*/, const Weight& table) {
    save_weight(context, "table", table);
    context->save_for_backward({ids});
    return gather_rows(table.value, ids);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    add_rows_by_id(saved_weight(context, "table").grad, context->get_saved_variables()[0], gradients[0]);
    return {{}, {}, {}};
  }
};

}  // namespace

at::Tensor embedding(const at::Tensor& ids, const Weight& table) {
  check_ids(ids, table.value.size(0));
  if (!records(ids, table.trains())) return gather_rows(table.value, ids);
  return EmbeddingFunction::apply(ids, anchor_beside(ids, true), table);
}

}  // namespace llmtrain
