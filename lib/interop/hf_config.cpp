#include "lib/interop/hf_config.h"

#include <nlohmann/json.hpp>

#include "lib/arch/hf_layout.h"
#include "lib/base/error.h"

namespace llmtrain {
namespace {

using Json = nlohmann::ordered_json;

std::string_view model_type(HfFamily family) {
  switch (family) {
    case HfFamily::kGpt2:
      return "gpt2";
    case HfFamily::kLlama:
      return "llama";
    case HfFamily::kMistral:
      return "mistral";
    case HfFamily::kQwen2:
      return "qwen2";
    case HfFamily::kQwen3:
      break;
  }
  return "qwen3";
}

Json id_or_null(const std::optional<std::uint32_t>& id) { return id ? Json(*id) : Json(nullptr); }

// Null is written too: a key left out would take the class's default, an id of another tokenizer.
void add_tokens(Json& json, const HfTokens& tokens) {
  json["bos_token_id"] = id_or_null(tokens.bos);
  json["eos_token_id"] = tokens.eos.empty()       ? Json(nullptr)
                         : tokens.eos.size() == 1 ? Json(tokens.eos[0])
                                                  : Json(tokens.eos);
  json["pad_token_id"] = id_or_null(tokens.pad);
}

void add_gpt2(Json& json, const ModelShape& shape) {
  json["n_layer"] = shape.layers;
  json["n_embd"] = shape.embed;
  json["n_head"] = shape.heads;
  json["n_inner"] = shape.ffn;
  json["n_positions"] = shape.context;
  json["n_ctx"] = shape.context;
  json["layer_norm_epsilon"] = shape.norm_eps;
  json["activation_function"] = shape.activation == ActivationKind::kGelu ? "gelu" : "gelu_new";
  json["resid_pdrop"] = shape.dropout;
  json["embd_pdrop"] = shape.dropout;
  json["attn_pdrop"] = 0.0;
  json["scale_attn_weights"] = true;
  json["scale_attn_by_inverse_layer_idx"] = false;
  json["reorder_and_upcast_attn"] = false;
  json["add_cross_attention"] = false;
  if (!shape.bias || !shape.qkv_bias) {
    json["bias"] = shape.bias;
    json["qkv_bias"] = shape.qkv_bias;
  }
}

void add_rope(Json& json, const ModelShape& shape) {
  Json scaling = nullptr;
  Json parameters = {{"rope_theta", shape.rope_theta}, {"rope_type", "default"}};
  if (shape.rope_scaling) {
    const auto& s = *shape.rope_scaling;
    scaling = {{"rope_type", "llama3"},
               {"factor", s.factor},
               {"low_freq_factor", s.low_freq_factor},
               {"high_freq_factor", s.high_freq_factor},
               {"original_max_position_embeddings", s.original_context}};
    parameters.update(scaling);
  }
  json["rope_theta"] = shape.rope_theta;
  json["rope_scaling"] = scaling;
  json["rope_parameters"] = parameters;
}

void add_window(Json& json, const ModelShape& shape, HfFamily family) {
  const Json window = shape.sliding_window ? Json(*shape.sliding_window) : Json(nullptr);
  if (family == HfFamily::kMistral) json["sliding_window"] = window;
  if (family != HfFamily::kQwen2 && family != HfFamily::kQwen3) return;
  json["use_sliding_window"] = shape.sliding_window.has_value();
  json["sliding_window"] = window;
  json["max_window_layers"] = shape.sliding_window ? 0 : shape.layers;  // layers from this one on have the window
}

void add_llama_like(Json& json, const ModelShape& shape, HfFamily family) {
  json["num_hidden_layers"] = shape.layers;
  json["hidden_size"] = shape.embed;
  json["num_attention_heads"] = shape.heads;
  json["num_key_value_heads"] = shape.kv_heads;
  json["head_dim"] = shape.head_dim;
  json["intermediate_size"] = shape.ffn;
  json["max_position_embeddings"] = shape.context;
  json["rms_norm_eps"] = shape.norm_eps;
  json["hidden_act"] = "silu";
  add_rope(json, shape);
  add_window(json, shape, family);
  json["attention_dropout"] = 0.0;
  if (family == HfFamily::kLlama) {
    json["attention_bias"] = shape.bias;
    json["mlp_bias"] = shape.bias;
    if (shape.bias && !shape.qkv_bias) json["qkv_bias"] = false;
  } else if (family == HfFamily::kQwen3) {
    json["attention_bias"] = shape.qkv_bias;
  }
}

std::string as_file(const Json& json) { return json.dump(2) + "\n"; }

}  // namespace

std::string hf_config_json(const ModelShape& shape, const HfTokens& tokens, std::string_view dtype) {
  const auto family = hf_family(shape);
  ENSURE(family.has_value());
  Json json;
  json["architectures"] = {hf_class_name(*family)};
  json["model_type"] = model_type(*family);
  json["vocab_size"] = shape.vocab;
  if (*family == HfFamily::kGpt2) {
    add_gpt2(json, shape);
  } else {
    add_llama_like(json, shape, *family);
  }
  json["tie_word_embeddings"] = shape.tied;
  json["initializer_range"] = shape.init_std;
  add_tokens(json, tokens);
  json["use_cache"] = true;
  json["dtype"] = dtype;
  json["torch_dtype"] = dtype;
  return as_file(json);
}

std::string hf_generation_config_json(const HfTokens& tokens) {
  Json json;
  add_tokens(json, tokens);
  return as_file(json);
}

}  // namespace llmtrain
