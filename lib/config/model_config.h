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

// Llama 3.1's stretching of rotary positions. With w = 2 pi / f the wavelength of an inverse frequency f:
// w < original_context / high_freq_factor keeps f; w > original_context / low_freq_factor makes it f / factor; between,
// s = (original_context / w - low) / (high - low) makes it (1 - s) f / factor + s f.
struct RopeScaling {
  double factor = 8;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  std::int64_t original_context = 8192;
  bool operator==(const RopeScaling&) const = default;
};

template <class Visitor>
void fields(RopeScaling& c, Visitor&& visit) {
  visit("factor", c.factor, "Low frequencies are divided by this; 1 changes nothing.", at_least(1));
  visit("low_freq_factor", c.low_freq_factor, "Wavelengths above original_context / this are low frequencies.",
        positive);
  visit("high_freq_factor", c.high_freq_factor, "Wavelengths below original_context / this stay as they are.",
        positive);
  visit("original_context", c.original_context, "Positions the unscaled model was trained on.", positive);
}

inline void check(const RopeScaling& c, Contradictions& out) {
  if (c.high_freq_factor <= c.low_freq_factor) {
    out.add("high_freq_factor", "'high_freq_factor' is not more than 'low_freq_factor'");
  }
}

// What the user says of the model: a preset, or fields, or fields on top of a preset. lib/arch makes it whole.
struct ModelConfig {
  std::optional<std::string> preset = {};
  std::optional<std::int64_t> layers = {};
  std::optional<std::int64_t> embed = {};
  std::optional<std::int64_t> heads = {};
  std::optional<std::int64_t> kv_heads = {};
  std::optional<std::int64_t> head_dim = {};
  std::optional<std::int64_t> ffn = {};
  std::optional<std::int64_t> vocab = {};
  std::optional<std::int64_t> context = {};
  std::optional<NormKind> norm = {};
  std::optional<double> norm_eps = {};
  std::optional<PositionKind> positions = {};
  std::optional<double> rope_theta = {};
  std::optional<RopeScaling> rope_scaling = {};
  std::optional<ActivationKind> activation = {};
  std::optional<bool> qkv_bias = {};
  std::optional<bool> bias = {};
  std::optional<bool> qk_norm = {};
  std::optional<bool> tied = {};
  std::optional<std::int64_t> sliding_window = {};
  std::optional<double> dropout = {};
  std::optional<double> init_std = {};
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
  visit("rope_scaling", c.rope_scaling, "Stretches rotary positions beyond the context first trained.");
  visit("activation", c.activation, "Feed-forward activation.");
  visit("qkv_bias", c.qkv_bias, "Biases on the query, key and value projections; as bias where it is not given.");
  visit("bias", c.bias, "Biases on the other projections and on layer norms.");
  visit("qk_norm", c.qk_norm, "RMS norm of each query and key head.");
  visit("tied", c.tied, "Output head and embedding are one weight.");
  visit("sliding_window", c.sliding_window,
        "Attention sees this many last tokens; all of them where it is not given or not less than context.", positive);
  visit("dropout", c.dropout, "Chance that an activation is dropped in training.", below_one);
  visit("init_std", c.init_std, "Standard deviation of initial weights.", positive);
}

}  // namespace llmtrain
