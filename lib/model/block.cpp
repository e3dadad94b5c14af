#include "lib/model/block.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "lib/ops/activation.h"
#include "lib/ops/layer_norm.h"
#include "lib/ops/linear.h"
#include "lib/ops/rms_norm.h"

namespace llmtrain {
namespace {

Weight optional_weight(const WeightStore& store, const std::string& name) {
  return store.has(name) ? store.weight(name) : Weight{};
}

Weight joined_biases(const WeightStore& store, const std::vector<std::string>& names) {
  return store.has(names.front()) ? store.joined(names) : Weight{};
}

AttentionShape attention_shape(const ModelShape& shape) {
  return {.heads = shape.heads, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim, .window = shape.sliding_window};
}

}  // namespace

NormWeights norm_weights(const WeightStore& store, const std::string& name) {
  return {.weight = store.weight(name + ".weight"), .bias = optional_weight(store, name + ".bias")};
}

at::Tensor norm(const at::Tensor& x, const NormWeights& weights, const ModelShape& shape) {
  if (shape.norm == NormKind::kRmsNorm) return rms_norm(x, weights.weight, shape.norm_eps);
  return layer_norm(x, weights.weight, weights.bias, shape.norm_eps);
}

Block::Block(const ModelShape& shape, const WeightStore& store, std::int64_t layer) : shape_(shape), layer_(layer) {
  const std::string block = fmt::format("model.layers.{}.", layer);
  const std::string attention = block + "self_attn.";
  input_norm_ = norm_weights(store, block + "input_layernorm");
  qkv_ = store.joined({attention + "q_proj.weight", attention + "k_proj.weight", attention + "v_proj.weight"});
  qkv_bias_ = joined_biases(store, {attention + "q_proj.bias", attention + "k_proj.bias", attention + "v_proj.bias"});
  q_norm_ = optional_weight(store, attention + "q_norm.weight");
  k_norm_ = optional_weight(store, attention + "k_norm.weight");
  o_ = store.weight(attention + "o_proj.weight");
  o_bias_ = optional_weight(store, attention + "o_proj.bias");
  post_norm_ = norm_weights(store, block + "post_attention_layernorm");
  const std::string mlp = block + "mlp.";
  if (shape.activation == ActivationKind::kSwiglu) {
    up_ = store.joined({mlp + "gate_proj.weight", mlp + "up_proj.weight"});
    up_bias_ = joined_biases(store, {mlp + "gate_proj.bias", mlp + "up_proj.bias"});
  } else {
    up_ = store.weight(mlp + "up_proj.weight");
    up_bias_ = optional_weight(store, mlp + "up_proj.bias");
  }
  down_ = store.weight(mlp + "down_proj.weight");
  down_bias_ = optional_weight(store, mlp + "down_proj.bias");
}

// Queries and keys normalised head by head, values as they are.
at::Tensor Block::normalize_heads(const at::Tensor& qkv) const {
  const std::int64_t tokens = qkv.size(0);
  const auto heads = [&](std::int64_t from, std::int64_t count, const Weight& weight) {
    const auto part = qkv.narrow(1, from * shape_.head_dim, count * shape_.head_dim).contiguous();
    return rms_norm(part.view({tokens, count, shape_.head_dim}), weight, shape_.norm_eps).view({tokens, -1});
  };
  const auto queries = heads(0, shape_.heads, q_norm_);
  const auto keys = heads(shape_.heads, shape_.kv_heads, k_norm_);
  const auto values = qkv.narrow(1, shape_.query_width() + shape_.kv_width(), shape_.kv_width());
  return at::cat({queries, keys, values}, 1);
}

// [tokens, (heads + 2 kv_heads) * head_dim], positions told where they are rotary.
at::Tensor Block::project(const at::Tensor& x, const RopeTable& rope, const at::Tensor& positions) const {
  auto qkv = linear(norm(x, input_norm_, shape_), qkv_, qkv_bias_);
  if (shape_.qk_norm) qkv = normalize_heads(qkv);
  if (shape_.positions == PositionKind::kLearned) return qkv;
  return rope_(qkv, rope, positions, shape_.heads + shape_.kv_heads, shape_.head_dim);
}

at::Tensor Block::feed_forward(const at::Tensor& x) const {
  const auto up = linear(norm(x, post_norm_, shape_), up_, up_bias_);
  switch (shape_.activation) {
    case ActivationKind::kSwiglu:
      return linear(swiglu(up), down_, down_bias_);
    case ActivationKind::kGelu:
      return linear(gelu(up, GeluKind::kErf), down_, down_bias_);
    case ActivationKind::kGeluTanh:
      break;
  }
  return linear(gelu(up, GeluKind::kTanh), down_, down_bias_);
}

at::Tensor Block::forward(const at::Tensor& x, const RopeTable& rope, const BlockInput& input) const {
  auto stream = input.dropout;
  const auto attended = attention(project(x, rope, input.positions), attention_shape(shape_), input.documents);
  const auto after_attention = x + dropout(linear(attended, o_, o_bias_), stream);
  ++stream.site;
  return after_attention + dropout(feed_forward(after_attention), stream);
}

at::Tensor Block::forward_cached(const at::Tensor& x, const RopeTable& rope, const CachedInput& input,
                                 KvCache& cache) const {
  const auto qkv = project(x, rope, input.positions);
  const auto width = shape_.kv_width();
  cache.put(layer_, input.rows, qkv.narrow(1, shape_.query_width(), width),
            qkv.narrow(1, shape_.query_width() + width, width));
  const auto& layer = cache.layer(layer_);
  const auto attended = attention_cached(qkv.narrow(1, 0, shape_.query_width()), layer.keys, layer.values,
                                         input.sequences, attention_shape(shape_));
  const auto after_attention = x + linear(attended, o_, o_bias_);
  return after_attention + feed_forward(after_attention);
}

}  // namespace llmtrain
