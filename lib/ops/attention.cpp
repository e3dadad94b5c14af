#include "lib/ops/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/attention_run.h"

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

AttentionSizes sizes_of(const AttentionShape& shape, std::int64_t keys) {
  return {.heads = shape.heads,
          .kv_heads = shape.kv_heads,
          .head_dim = shape.head_dim,
          .window = std::min(shape.window.value_or(keys), keys)};
}

std::vector<AttentionDocument> documents_of(const std::vector<std::int64_t>& starts) {
  std::vector<AttentionDocument> documents;
  for (std::size_t i = 1; i < starts.size(); ++i) {
    const auto tokens = starts[i] - starts[i - 1];
    documents.push_back({.first_query = starts[i - 1], .first_key = starts[i - 1], .queries = tokens, .keys = tokens});
  }
  return documents;
}

AttentionViews views_of(const at::Tensor& qkv, const AttentionSizes& sizes) {
  const auto heads = qkv.view({qkv.size(0), sizes.heads + 2 * sizes.kv_heads, sizes.head_dim});
  return {.q = qkv,
          .k = heads.narrow(1, sizes.heads, sizes.kv_heads),
          .v = heads.narrow(1, sizes.heads + sizes.kv_heads, sizes.kv_heads)};
}

void check_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                  const std::vector<CachedSequence>& sequences, const AttentionShape& shape) {
  check_shape(shape);
  ENSURE(q.dim() == 2 && q.size(1) == shape.heads * shape.head_dim, q.dim(), q.numel());
  ENSURE(keys.sizes() == values.sizes() && keys.dim() == 3, keys.numel(), values.numel());
  ENSURE(keys.size(1) == shape.kv_heads && keys.size(2) == shape.head_dim, keys.size(1), keys.size(2));
  std::int64_t queries = 0;
  for (const auto& sequence : sequences) {
    ENSURE(sequence.first_key >= 0 && sequence.first_key + sequence.keys <= keys.size(0), sequence.first_key,
           sequence.keys, keys.size(0));
    ENSURE(sequence.queries >= 0 && sequence.queries <= sequence.keys, sequence.queries, sequence.keys);
    queries += sequence.queries;
  }
  ENSURE(queries == q.size(0), queries, q.size(0));
}

// attention_cached by plain operators.
void attend_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                   const std::vector<CachedSequence>& sequences, const AttentionShape& shape, const at::Tensor& out) {
  const auto wide = compute_type(q.scalar_type());
  std::int64_t first = 0;
  for (const auto& sequence : sequences) {
    const auto rows = q.narrow(0, first, sequence.queries).reshape({sequence.queries, shape.heads, shape.head_dim});
    const auto cached = [&](const at::Tensor& cache) {
      return cache.narrow(0, sequence.first_key, sequence.keys).transpose(0, 1).to(wide);
    };
    const auto attended = attend(rows.transpose(0, 1).to(wide), cached(keys), cached(values), shape);
    out.narrow(0, first, sequence.queries).copy_(attended.transpose(0, 1).reshape({sequence.queries, -1}));
    first += sequence.queries;
  }
}

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& qkv,
                            const AttentionSizes& sizes, const std::vector<std::int64_t>& starts) {
    const auto out = at::empty({qkv.size(0), sizes.heads * sizes.head_dim}, qkv.options());
    const auto log_sum = at::empty({qkv.size(0), sizes.heads}, qkv.options().dtype(compute_type(qkv.scalar_type())));
    attention_forward(sizes, documents_of(starts), views_of(qkv, sizes), out, log_sum);
    context->save_for_backward({qkv, out});
    context->saved_data["log_sum"] = log_sum;
    context->saved_data["starts"] = starts;
    context->saved_data["sizes"] = std::vector<std::int64_t>{sizes.heads, sizes.kv_heads, sizes.head_dim, sizes.window};
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto numbers = context->saved_data["sizes"].toIntVector();
    const AttentionSizes sizes{
        .heads = numbers[0], .kv_heads = numbers[1], .head_dim = numbers[2], .window = numbers[3]};
    const auto d_qkv = at::empty_like(saved[0]);
    attention_backward(
        sizes, documents_of(context->saved_data["starts"].toIntVector()), views_of(saved[0], sizes),
        {.out = saved[1], .d_out = gradients[0].contiguous(), .log_sum = context->saved_data["log_sum"].toTensor()},
        views_of(d_qkv, sizes));
    return {d_qkv, {}, {}};
  }
};

}  // namespace

at::Tensor attention_reference(const at::Tensor& qkv, const AttentionShape& shape,
                               const std::vector<std::int32_t>& documents) {
  check_inputs(qkv, shape, documents);
  const auto wide = qkv.to(compute_type(qkv.scalar_type()));
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
  check_inputs(qkv, shape, documents);
  if (!has_attention_kernel(qkv.scalar_type()) || qkv.size(0) == 0) return attention_reference(qkv, shape, documents);
  const auto sizes = sizes_of(shape, qkv.size(0));
  const std::vector<std::int64_t> starts(documents.begin(), documents.end());
  const auto rows = qkv.contiguous();
  if (c10::GradMode::is_enabled() && rows.requires_grad()) return AttentionFunction::apply(rows, sizes, starts);
  const auto out = at::empty({rows.size(0), sizes.heads * sizes.head_dim}, rows.options());
  attention_forward(sizes, documents_of(starts), views_of(rows, sizes), out, {});
  return out;
}

at::Tensor attention_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const std::vector<CachedSequence>& sequences, const AttentionShape& shape) {
  check_cached(q, keys, values, sequences, shape);
  const at::NoGradGuard no_grad;
  constexpr std::int64_t kFewQueries = 8;  // fewer than this do not repay packing the keys for tiles
  const auto out = at::empty({q.size(0), q.size(1)}, q.options());
  if (q.size(0) == 0) return out;
  const bool straight = q.stride(1) == 1 && keys.stride(2) == 1 && keys.strides() == values.strides();
  if (!straight || !has_attention_kernel(q.scalar_type())) {
    attend_cached(q, keys, values, sequences, shape, out);
    return out;
  }
  const bool few = std::all_of(sequences.begin(), sequences.end(),
                               [](const CachedSequence& sequence) { return sequence.queries < kFewQueries; });
  std::vector<AttentionDocument> documents;
  std::int64_t first_query = 0;
  std::int64_t longest = 0;
  for (const auto& sequence : sequences) {
    documents.push_back({.first_query = first_query,
                         .first_key = sequence.first_key,
                         .queries = sequence.queries,
                         .keys = sequence.keys});
    first_query += sequence.queries;
    longest = std::max(longest, sequence.keys);
  }
  const AttentionViews in{.q = q, .k = keys, .v = values};
  if (few) {
    attention_decode(sizes_of(shape, longest), documents, in, out);
  } else {
    attention_forward(sizes_of(shape, longest), documents, in, out, {});
  }
  return out;
}

at::Tensor attention_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const AttentionShape& shape) {
  return attention_cached(q, keys, values, {{.first_key = 0, .keys = keys.size(0), .queries = q.size(0)}}, shape);
}

}  // namespace llmtrain
