#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include <ATen/core/Tensor.h>

namespace llmtrain {

// Which keys a query sees: those of its own document, not after itself, and none further back than the window.
struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  // divides heads: query head h reads key head h / (heads / kv_heads)
  std::int64_t head_dim = 0;
  std::optional<std::int64_t> window;  // a query sees this many keys, itself among them
};

// Causal softmax attention (arXiv 1706.03762; grouped queries arXiv 2305.13245) inside documents, scores scaled by
// 1 / sqrt(head_dim), softmax in fp32 (double for double).
// qkv: [tokens, (heads + 2 kv_heads) * head_dim], a token's query heads, then key heads, then value heads.
// documents: where each document begins among the tokens, rising from 0, and the number of tokens at the end.
// Gives [tokens, heads * head_dim]. Neither scores nor probabilities of a whole document are ever in memory; cost
// follows the documents' lengths. What stands in one document changes no bit of another.
at::Tensor attention(const at::Tensor& qkv, const AttentionShape& shape, const std::vector<std::int32_t>& documents);

// The same by plain operators, for tests and where there is no kernel.
at::Tensor attention_reference(const at::Tensor& qkv, const AttentionShape& shape,
                               const std::vector<std::int32_t>& documents);

// A sequence in a cache and queries of its last tokens.
struct CachedSequence {
  std::int64_t first_key = 0;  // row of its first key
  std::int64_t keys = 0;       // of which the last `queries` belong to the queries themselves
  std::int64_t queries = 0;
};

// Sequences' queries against a cache, without gradients: for decoding.
// q: [queries, heads * head_dim] (rows may be strided), those of the sequences one after another; keys, values:
// [rows, kv_heads, head_dim] (strided views of a cache). Gives [queries, heads * head_dim]. What stands in one sequence
// changes no bit of another.
at::Tensor attention_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const std::vector<CachedSequence>& sequences, const AttentionShape& shape);

// The same of one sequence, which has all rows.
at::Tensor attention_cached(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            const AttentionShape& shape);

}  // namespace llmtrain
