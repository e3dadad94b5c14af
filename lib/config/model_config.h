#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "lib/config/fields.h"

namespace llmtrain {

enum class NormKind { kLayerNorm, kRmsNorm };
template <>
struct EnumTable<NormKind> {
  static constexpr std::array<std::pair<NormKind, std::string_view>, 2> names = {
      {{NormKind::kLayerNorm, "layer_norm"}, {NormKind::kRmsNorm, "rms_norm"}}};
};

enum class PositionKind { kLearned, kRotary };
template <>
struct EnumTable<PositionKind> {
  static constexpr std::array<std::pair<PositionKind, std::string_view>, 2> names = {
      {{PositionKind::kLearned, "learned"}, {PositionKind::kRotary, "rotary"}}};
};

enum class ActivationKind { kGelu, kGeluTanh, kSwiglu };
template <>
struct EnumTable<ActivationKind> {
  static constexpr std::array<std::pair<ActivationKind, std::string_view>, 3> names = {
      {{ActivationKind::kGelu, "gelu"}, {ActivationKind::kGeluTanh, "gelu_tanh"}, {ActivationKind::kSwiglu, "swiglu"}}};
};

// What the user says of the model: a preset, or fields, or fields on top of a preset. lib/arch makes it whole.
struct ModelConfig {
  std::optional<std::string> preset;
  std::optional<std::int64_t> layers;
  std::optional<std::int64_t> embed;
  std::optional<std::int64_t> heads;
  std::optional<std::int64_t> kv_heads;
  std::optional<std::int64_t> head_dim;
  std::optional<std::int64_t> ffn;
  std::optional<std::int64_t> vocab;
  std::optional<std::int64_t> context;
  std::optional<NormKind> norm;
  std::optional<double> norm_eps;
  std::optional<PositionKind> positions;
  std::optional<double> rope_theta;
  std::optional<ActivationKind> activation;
  std::optional<bool> qkv_bias;
  std::optional<bool> bias;
  std::optional<bool> qk_norm;
  std::optional<bool> tied;
  std::optional<std::int64_t> sliding_window;
  std::optional<double> dropout;
  std::optional<double> init_std;
};

template <class Visitor>
void fields(ModelConfig& c, Visitor&& visit) {
  visit("preset", c.preset, "A known architecture by name; `llmtrain model presets` lists them.", not_empty);
  visit("layers", c.layers, "Decoder blocks.", positive);
  visit("embed", c.embed, "Width of the residual stream.", positive);
  visit("heads", c.heads, "Query heads.", positive);
  visit("kv_heads", c.kv_heads, "Key and value heads; fewer than heads is grouped-query attention.", positive);
  visit("head_dim", c.head_dim, "Width of a head; embed / heads where it is not given.", positive);
  visit("ffn", c.ffn, "Inner width of the feed-forward layers.", positive);
  visit("vocab", c.vocab, "Rows of the embedding; the tokenizer's size where it is not given.", positive);
  visit("context", c.context, "Most positions the model is made for.", positive);
  visit("norm", c.norm, "Normalisation of each block's input.");
  visit("norm_eps", c.norm_eps, "Added to the variance before the root.", positive);
  visit("positions", c.positions, "How a position is told: a learned table, or rotation of queries and keys.");
  visit("rope_theta", c.rope_theta, "Base of the rotary frequencies.", positive);
  visit("activation", c.activation, "Feed-forward activation.");
  visit("qkv_bias", c.qkv_bias, "Biases on the query, key and value projections.");
  visit("bias", c.bias, "Biases on the other projections.");
  visit("qk_norm", c.qk_norm, "RMS norm of each query and key head.");
  visit("tied", c.tied, "Output head and embedding are one weight.");
  visit("sliding_window", c.sliding_window, "Attention sees this many last tokens; all where it is not given.",
        positive);
  visit("dropout", c.dropout, "Chance that an activation is dropped in training.", below_one);
  visit("init_std", c.init_std, "Standard deviation of initial weights.", positive);
}

}  // namespace llmtrain
