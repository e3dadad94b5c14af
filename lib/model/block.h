#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "lib/arch/model_shape.h"
#include "lib/model/kv_cache.h"
#include "lib/ops/attention.h"
#include "lib/ops/dropout.h"
#include "lib/ops/rope.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

struct NormWeights {
  Weight weight;
  Weight bias;  // undefined without
};
// By the shape's kind and epsilon. x: [tokens, embed].
at::Tensor norm(const at::Tensor& x, const NormWeights& weights, const ModelShape& shape);
NormWeights norm_weights(const WeightStore& store, const std::string& name);

// What a block is told of its tokens.
struct BlockInput {
  at::Tensor positions;  // [tokens] int32
  std::vector<std::int32_t> documents;
  DropoutStream dropout;  // site: of the block's first
};

// The next tokens of cached sequences.
struct CachedInput {
  at::Tensor positions;            // [tokens] int32
  std::vector<std::int64_t> rows;  // [tokens] of the cache, where their keys and values go
  std::vector<CachedSequence> sequences;
};

// Sites of dropout in a block: after attention, after the feed-forward part.
inline constexpr std::uint32_t kDropoutSitesPerBlock = 2;

// One pre-norm block: x + attention(norm(x)), then x + feed_forward(norm(x)).
class Block {
 public:
  Block(const ModelShape& shape, const WeightStore& store, std::int64_t layer);

  // x: [tokens, embed], and so is the result.
  at::Tensor forward(const at::Tensor& x, const RopeTable& rope, const BlockInput& input) const;
  // The same for the next tokens of cached sequences, whose keys and values go into the cache.
  at::Tensor forward_cached(const at::Tensor& x, const RopeTable& rope, const CachedInput& input, KvCache& cache) const;

 private:
  at::Tensor project(const at::Tensor& x, const RopeTable& rope, const at::Tensor& positions) const;
  at::Tensor normalize_heads(const at::Tensor& qkv) const;
  at::Tensor feed_forward(const at::Tensor& x) const;

  ModelShape shape_;
  std::int64_t layer_;
  NormWeights input_norm_;
  Weight qkv_;  // query, key and value projections joined
  Weight qkv_bias_;
  Weight q_norm_;
  Weight k_norm_;
  Weight o_;
  Weight o_bias_;
  NormWeights post_norm_;
  Weight up_;  // gate and up projections joined, or up alone
  Weight up_bias_;
  Weight down_;
  Weight down_bias_;
};

}  // namespace llmtrain
