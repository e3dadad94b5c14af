#include "lib/ops/attention.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

void check_shape(const AttentionShape& shape) {
  ENSURE(shape.heads > 0 && shape.kv_heads > 0 && shape.head_dim > 0, shape.heads, shape.kv_heads, shape.head_dim);
  ENSURE(shape.heads % shape.kv_heads == 0, shape.heads, shape.kv_heads);
  ENSURE(!shape.window || *shape.window > 0, shape.window.value_or(0));
}

void check_inputs(const at::Tensor& qkv, const AttentionShape& shape, const std::vector<std::int32_t>& documents) {
  check_shape(shape);
  ENSURE(qkv.dim() == 2 && qkv.size(1) == (shape.heads + 2 * shape.kv_heads) * shape.head_dim, qkv.dim(), qkv.numel());
  ENSURE(!documents.empty() && documents.front() == 0 && documents.back() == qkv.size(0), documents.size(),
         qkv.size(0));
  for (std::size_t i = 1; i < documents.size(); ++i) {
    ENSURE(documents[i - 1] < documents[i], i, documents[i - 1], documents[i]);
  }
}

// [heads, queries, head_dim] against [kv_heads, keys, head_dim], the last query beside the last key.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const AttentionShape& shape) {
  const auto queries = q.size(1);
  const auto keys = k.size(1);
  const auto group = shape.heads / shape.kv_heads;
  const auto grouped = q.reshape({shape.kv_heads, group * queries, shape.head_dim});
  const auto scores = at::matmul(grouped, k.transpose(1, 2)).mul(1 / std::sqrt(static_cast<double>(shape.head_dim)));
  const auto query_place = at::arange(keys - queries, keys).unsqueeze(1);
  const auto age = query_place - at::arange(keys).unsqueeze(0);  // [queries, keys], tokens from key to query
  const auto hidden = (age < 0).logical_or(age >= shape.window.value_or(keys));
  const auto probabilities = scores.view({shape.heads, queries, keys})
                                 .masked_fill(hidden, -std::numeric_limits<double>::infinity())
                                 .softmax(-1)
                                 .view({shape.kv_heads, group * queries, keys});
  return at::matmul(probabilities, v).view({shape.heads, queries, shape.head_dim});
}

at::ScalarType wide_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

}  // namespace

at::Tensor attention_reference(const at::Tensor& qkv, const AttentionShape& shape,
                               const std::vector<std::int32_t>& documents) {
  check_inputs(qkv, shape, documents);
  const auto wide = qkv.to(wide_type(qkv.scalar_type()));
  const auto by_head = wide.view({qkv.size(0), shape.heads + 2 * shape.kv_heads, shape.head_dim}).transpose(0, 1);
  std::vector<at::Tensor> outputs;
  for (std::size_t i = 1; i < documents.size(); ++i) {
    const auto rows = by_head.narrow(1, documents[i - 1], documents[i] - documents[i - 1]);
    const auto out = attend(rows.narrow(0, 0, shape.heads), rows.narrow(0, shape.heads, shape.kv_heads),
                            rows.narrow(0, shape.heads + shape.kv_heads, shape.kv_heads), shape);
    outputs.push_back(out.transpose(0, 1).reshape({-1, shape.heads * shape.head_dim}));
  }
  return outputs.empty() ? wide.narrow(1, 0, shape.heads * shape.head_dim).to(qkv.scalar_type())
                         : at::cat(outputs).to(qkv.scalar_type());
}

at::Tensor attention(const at::Tensor& qkv, const AttentionShape& shape, const std::vector<std::int32_t>& documents) {
  return attention_reference(qkv, shape, documents);
}

at::Tensor attention_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const AttentionShape& shape) {
  check_shape(shape);
  ENSURE(q.dim() == 2 && q.size(1) == shape.heads * shape.head_dim, q.dim(), q.numel());
  ENSURE(keys.sizes() == values.sizes() && keys.dim() == 3 && keys.size(0) >= q.size(0), keys.numel(), values.numel());
  ENSURE(keys.size(1) == shape.kv_heads && keys.size(2) == shape.head_dim, keys.size(1), keys.size(2));
  const at::NoGradGuard no_grad;
  const auto wide = wide_type(q.scalar_type());
  const auto out = attend(q.view({q.size(0), shape.heads, shape.head_dim}).transpose(0, 1).to(wide),
                          keys.transpose(0, 1).to(wide), values.transpose(0, 1).to(wide), shape);
  return out.transpose(0, 1).reshape({q.size(0), -1}).to(q.scalar_type());
}

}  // namespace llmtrain
