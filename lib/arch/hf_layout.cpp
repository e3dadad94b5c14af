#include "lib/arch/hf_layout.h"

#include <algorithm>

#include "lib/arch/parameter_table.h"
#include "lib/base/error.h"

namespace llmtrain {
namespace {

bool is_gpt2(const ModelShape& s) {
  return s.norm == NormKind::kLayerNorm && s.positions == PositionKind::kLearned &&
         s.activation != ActivationKind::kSwiglu && s.kv_heads == s.heads && s.query_width() == s.embed && !s.qk_norm &&
         !s.sliding_window;
}

// Llama, Mistral and Qwen: the parameters as they are, and the output bias where the class has one that the shape
// lacks.
std::vector<HfTensor> llama_tensors(const ModelShape& shape, HfFamily family) {
  const bool class_biases_all =
      (family == HfFamily::kLlama && shape.bias) || (family == HfFamily::kQwen3 && shape.qkv_bias);
  std::vector<HfTensor> tensors;
  for (const auto& parameter : parameter_table(shape)) {
    if (!parameter.tied_to.empty()) continue;
    tensors.push_back({.name = parameter.name, .shape = parameter.shape, .parameters = {parameter.name}});
    const auto add_zeros_after = [&](std::string_view projection, bool missing) {
      const std::string weight = fmt::format(".{}.weight", projection);
      if (!missing || !parameter.name.ends_with(weight)) return;
      const std::string stem = parameter.name.substr(0, parameter.name.size() - weight.size());
      tensors.push_back({.name = fmt::format("{}.{}.bias", stem, projection), .shape = {parameter.shape.front()}});
    };
    for (const auto* projection : {"q_proj", "k_proj", "v_proj"}) {
      add_zeros_after(projection, class_biases_all && !shape.qkv_bias);
    }
    add_zeros_after("o_proj", class_biases_all && !shape.bias);
  }
  return tensors;
}

class Gpt2Layout {
 public:
  explicit Gpt2Layout(const ModelShape& shape) : shape_(shape) {}

  std::vector<HfTensor> build() {
    const auto& s = shape_;
    add("transformer.wte.weight", {s.vocab, s.embed}, {"model.embed_tokens.weight"});
    add("transformer.wpe.weight", {s.context, s.embed}, {"model.embed_positions.weight"});
    for (std::int64_t layer = 0; layer < s.layers; ++layer) add_block(layer);
    add_norm("transformer.ln_f", "model.norm");
    if (!s.tied) add("lm_head.weight", {s.vocab, s.embed}, {"lm_head.weight"});
    return std::move(tensors_);
  }

 private:
  void add(std::string name, std::vector<std::int64_t> shape, std::vector<std::string> parameters) {
    tensors_.push_back({.name = std::move(name), .shape = std::move(shape), .parameters = std::move(parameters)});
  }

  void add_norm(const std::string& name, const std::string& ours) {
    add(name + ".weight", {shape_.embed}, {ours + ".weight"});
    add(name + ".bias", {shape_.embed}, shape_.bias ? std::vector{ours + ".bias"} : std::vector<std::string>{});
  }

  // Conv1D: weights stand as [in, out].
  void add_conv(const std::string& name, const std::vector<std::string>& ours, std::vector<std::int64_t> in_out,
                bool bias) {
    std::vector<std::string> weights;
    std::vector<std::string> biases;
    for (const auto& projection : ours) {
      weights.push_back(projection + ".weight");
      if (bias) biases.push_back(projection + ".bias");
    }
    const std::int64_t out = in_out.back();
    add(name + ".weight", std::move(in_out), std::move(weights));
    tensors_.back().transposed = true;
    add(name + ".bias", {out}, std::move(biases));
  }

  void add_block(std::int64_t layer) {
    const auto& s = shape_;
    const std::string block = fmt::format("transformer.h.{}.", layer);
    const std::string ours = fmt::format("model.layers.{}.", layer);
    const std::string attention = ours + "self_attn.";
    add_norm(block + "ln_1", ours + "input_layernorm");
    add_conv(block + "attn.c_attn", {attention + "q_proj", attention + "k_proj", attention + "v_proj"},
             {s.embed, 3 * s.embed}, s.qkv_bias);
    add_conv(block + "attn.c_proj", {attention + "o_proj"}, {s.embed, s.embed}, s.bias);
    add_norm(block + "ln_2", ours + "post_attention_layernorm");
    add_conv(block + "mlp.c_fc", {ours + "mlp.up_proj"}, {s.embed, s.ffn}, s.bias);
    add_conv(block + "mlp.c_proj", {ours + "mlp.down_proj"}, {s.ffn, s.embed}, s.bias);
  }

  const ModelShape& shape_;
  std::vector<HfTensor> tensors_;
};

}  // namespace

std::string_view hf_class_name(HfFamily family) {
  switch (family) {
    case HfFamily::kGpt2:
      return "GPT2LMHeadModel";
    case HfFamily::kLlama:
      return "LlamaForCausalLM";
    case HfFamily::kMistral:
      return "MistralForCausalLM";
    case HfFamily::kQwen2:
      return "Qwen2ForCausalLM";
    case HfFamily::kQwen3:
      break;
  }
  return "Qwen3ForCausalLM";
}

std::optional<HfFamily> hf_family(const ModelShape& s) {
  if (is_gpt2(s)) return HfFamily::kGpt2;
  const bool llama_like =
      s.norm == NormKind::kRmsNorm && s.positions == PositionKind::kRotary && s.activation == ActivationKind::kSwiglu;
  if (!llama_like) return std::nullopt;
  // Llama's class refuses a width that is no multiple of the heads; Mistral's, without a window, computes the same.
  const bool uneven = s.embed % s.heads != 0;
  if (s.bias) return s.qk_norm || s.sliding_window || uneven ? std::nullopt : std::optional(HfFamily::kLlama);
  if (s.qk_norm) return HfFamily::kQwen3;
  if (s.qkv_bias) return HfFamily::kQwen2;
  return s.sliding_window || uneven ? HfFamily::kMistral : HfFamily::kLlama;
}

std::vector<HfTensor> hf_tensors(const ModelShape& shape) {
  const auto family = hf_family(shape);
  ENSURE(family.has_value());
  return family == HfFamily::kGpt2 ? Gpt2Layout(shape).build() : llama_tensors(shape, *family);
}

}  // namespace llmtrain
