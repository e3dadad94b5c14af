#pragma once
#include <cmath>
#include <functional>
#include <string>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "lib/base/random.h"
#include "lib/model/decoder.h"

namespace llmtrain {

// A decoder written down a second time with LibTorch's operators alone, each in the type of the weights, as the authors
// of the families wrote theirs: what ours is compared with. Norms and softmax go through fp32 where the type is
// narrower. Differentiable.
class PlainDecoder {
 public:
  using Weights = std::function<at::Tensor(const std::string& name)>;
  // weights: by the names of parameter_table; asked for a bias only where the shape has one.
  PlainDecoder(const ModelShape& shape, Weights weights) : shape_(shape), weights_(std::move(weights)) {}

  // [tokens, embed]; dropout as lib/ops/dropout.h defines it, its sites counted through the model from 0.
  at::Tensor hidden(const DecoderInput& input, const DropoutStream& dropout = {}) const {
    auto stream = dropout;
    stream.site = 0;
    auto x = at::embedding(weights_("model.embed_tokens.weight"), input.tokens);
    if (shape_.positions == PositionKind::kLearned) {
      x = x + at::embedding(weights_("model.embed_positions.weight"), input.positions);
    }
    x = dropped(x, stream);
    const auto seen = visible(input);
    for (std::int64_t layer = 0; layer < shape_.layers; ++layer) {
      const auto block = fmt::format("model.layers.{}.", layer);
      const auto attended = attention(norm(x, block + "input_layernorm"), block, input.positions, seen);
      x = x + dropped(attended, stream);
      x = x + dropped(feed_forward(norm(x, block + "post_attention_layernorm"), block), stream);
    }
    return norm(x, "model.norm");
  }

  // [tokens, vocab]
  at::Tensor logits(const DecoderInput& input, const DropoutStream& dropout = {}) const {
    return at::linear(hidden(input, dropout), weights_("lm_head.weight"));
  }

 private:
  static at::Tensor wide(const at::Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

  // Goes on to the next site.
  static at::Tensor dropped(const at::Tensor& x, DropoutStream& stream) {
    const auto site = stream.site++;
    if (stream.rate == 0) return x;
    const auto kept = at::empty(x.sizes(), at::kDouble);
    auto* factor = kept.data_ptr<double>();
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const std::uint64_t e =
          stream.first_token * static_cast<std::uint64_t>(x.size(1)) + static_cast<std::uint64_t>(i);
      const auto words =
          philox4x32({static_cast<std::uint32_t>(e / 4), static_cast<std::uint32_t>((e / 4) >> 32U), site, stream.step},
                     {static_cast<std::uint32_t>(stream.key), static_cast<std::uint32_t>(stream.key >> 32U)});
      factor[i] = words[e % 4] >= stream.rate * 4294967296.0 ? 1 / (1 - stream.rate) : 0;
    }
    return x * kept.to(x.scalar_type());
  }

  // [tokens, tokens]: whether a query (row) sees a key.
  at::Tensor visible(const DecoderInput& input) const {
    const std::int64_t tokens = input.tokens.size(0);
    const auto seen = at::zeros({tokens, tokens}, at::kBool);
    for (std::size_t d = 0; d + 1 < input.documents.size(); ++d) {
      for (std::int64_t query = input.documents[d]; query < input.documents[d + 1]; ++query) {
        const std::int64_t first =
            std::max<std::int64_t>(input.documents[d], query + 1 - shape_.sliding_window.value_or(tokens));
        seen[query].narrow(0, first, query + 1 - first).fill_(true);
      }
    }
    return seen;
  }

  at::Tensor rms(const at::Tensor& x, const at::Tensor& weight) const {
    const auto w = wide(x);
    return weight * (w * at::rsqrt(w.pow(2).mean(-1, true) + shape_.norm_eps)).to(x.scalar_type());
  }

  at::Tensor norm(const at::Tensor& x, const std::string& name) const {
    const auto weight = weights_(name + ".weight");
    if (shape_.norm == NormKind::kRmsNorm) return rms(x, weight);
    return at::layer_norm(x, {shape_.embed}, weight, shape_.bias ? weights_(name + ".bias") : at::Tensor(),
                          shape_.norm_eps);
  }

  at::Tensor project(const at::Tensor& x, const std::string& name, bool bias) const {
    return at::linear(x, weights_(name + ".weight"), bias ? weights_(name + ".bias") : at::Tensor());
  }

  // Llama 3.1's formula stands in model_config.h.
  double inverse_frequency(std::int64_t pair) const {
    const double f =
        std::pow(shape_.rope_theta, -2.0 * static_cast<double>(pair) / static_cast<double>(shape_.head_dim));
    if (!shape_.rope_scaling) return f;
    const auto& scaling = *shape_.rope_scaling;
    const double turns = static_cast<double>(scaling.original_context) * f / (2 * std::acos(-1.0));
    const double smooth =
        std::clamp((turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor), 0.0, 1.0);
    return (1 - smooth) * f / scaling.factor + smooth * f;
  }

  // x: [tokens, heads, head_dim]
  at::Tensor rotated(const at::Tensor& x, const at::Tensor& positions) const {
    if (shape_.positions == PositionKind::kLearned) return x;
    std::vector<double> frequencies;
    for (std::int64_t i = 0; i < shape_.head_dim / 2; ++i) frequencies.push_back(inverse_frequency(i));
    const auto half = at::outer(positions.to(at::kDouble), at::tensor(frequencies, at::kDouble));
    const auto angles = at::cat({half, half}, 1).unsqueeze(1);
    const auto parts = x.chunk(2, -1);
    const auto turned = at::cat({-parts[1], parts[0]}, -1);
    return x * angles.cos().to(x.scalar_type()) + turned * angles.sin().to(x.scalar_type());
  }

  at::Tensor attention(const at::Tensor& x, const std::string& block, const at::Tensor& positions,
                       const at::Tensor& seen) const {
    const auto name = block + "self_attn.";
    const auto heads = [&](const char* projection, std::int64_t count) {
      return project(x, name + projection, shape_.qkv_bias).view({x.size(0), count, shape_.head_dim});
    };
    auto q = heads("q_proj", shape_.heads);
    auto k = heads("k_proj", shape_.kv_heads);
    if (shape_.qk_norm) {
      q = rms(q, weights_(name + "q_norm.weight"));
      k = rms(k, weights_(name + "k_norm.weight"));
    }
    const std::int64_t group = shape_.heads / shape_.kv_heads;
    q = rotated(q, positions).transpose(0, 1);
    k = rotated(k, positions).repeat_interleave(group, 1).transpose(0, 1);
    const auto v = heads("v_proj", shape_.kv_heads).repeat_interleave(group, 1).transpose(0, 1);
    const auto scores = at::matmul(q, k.transpose(1, 2)) / std::sqrt(static_cast<double>(shape_.head_dim));
    const auto chances = at::softmax(wide(scores.masked_fill(seen.logical_not(), -INFINITY)), -1).to(x.scalar_type());
    const auto mixed = at::matmul(chances, v).transpose(0, 1).reshape({x.size(0), shape_.query_width()});
    return project(mixed, name + "o_proj", shape_.bias);
  }

  at::Tensor feed_forward(const at::Tensor& x, const std::string& block) const {
    const auto up = project(x, block + "mlp.up_proj", shape_.bias);
    const auto inner = shape_.activation == ActivationKind::kSwiglu
                           ? at::silu(project(x, block + "mlp.gate_proj", shape_.bias)) * up
                           : at::gelu(up, shape_.activation == ActivationKind::kGelu ? "none" : "tanh");
    return project(inner, block + "mlp.down_proj", shape_.bias);
  }

  ModelShape shape_;
  Weights weights_;
};

// A store's weights as they are read, in another type where one is given.
inline PlainDecoder plain_decoder(const ModelShape& shape, const WeightStore& store, at::ScalarType type) {
  return {shape, [&store, type](const std::string& name) { return store.weight(name).value.to(type); }};
}

}  // namespace llmtrain
