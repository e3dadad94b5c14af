#include "lib/interop/hf_config.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/arch/hf_layout.h"
#include "lib/arch/presets.h"
#include "lib/base/digest.h"
#include "lib/interop/hf_config_reader.h"
#include "tests/support/golden_model.h"

namespace llmtrain {
namespace {

nlohmann::json golden(const std::string& name) {
  return nlohmann::json::parse(slurp(std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/interop/golden" / name));
}

// Every preset, and what no preset has.
std::map<std::string, ModelShape> shapes() {
  std::map<std::string, ModelShape> found;
  for (const auto& preset : all_presets()) found[preset.name] = resolve_model({.preset = preset.name});
  for (const auto& name : golden_model_names()) found["tiny-" + name] = golden_model(name).shape;
  found["qwen2-window"] = resolve_model({.preset = "qwen2.5-0.5b", .sliding_window = 1000});
  found["qwen3-window"] = resolve_model({.preset = "qwen3-0.6b", .sliding_window = 1000});
  found["qwen3-bias"] = resolve_model({.preset = "qwen3-0.6b", .qkv_bias = true});
  found["llama-half-bias"] = resolve_model({.preset = "llama-2m", .qkv_bias = false, .bias = true});
  found["gpt2-half-bias"] = resolve_model({.preset = "gpt2", .qkv_bias = false});
  found["gpt2-untied"] = resolve_model({.preset = "gpt2", .tied = false, .dropout = 0.1});
  found["uneven-heads"] = resolve_model({.preset = "llama-2m", .embed = 100, .heads = 3, .head_dim = 32});
  return found;
}

constexpr const char* kName = "model/config.json";

std::string text_of(const ModelShape& shape) {
  return hf_config_json(shape, {.bos = 1, .eos = {2, 3}, .pad = {}}, "bfloat16");
}

TEST(HfConfig, GivesTheShapeBack) {
  for (const auto& [name, shape] : shapes()) {
    EXPECT_EQ(shape_from_hf_config(text_of(shape), kName), shape) << name;
  }
}

// golden/read.json: what transformers' classes made of these files. After a change of the writer: run this test with
// LLMTRAIN_KEEP_EXPORTS=FOLDER, then scripts/fixtures/hf_config_golden.py FOLDER/configs tests/interop/golden.
TEST(HfConfig, IsReadByTransformersAsItIsMeant) {
  const char* keep = std::getenv("LLMTRAIN_KEEP_EXPORTS");
  if (keep != nullptr) {
    std::filesystem::create_directories(std::filesystem::path(keep) / "configs");
    for (const auto& [name, shape] : shapes()) {
      std::ofstream(std::filesystem::path(keep) / "configs" / (name + ".json")) << text_of(shape);
    }
  }
  const auto read = golden("read.json");
  ASSERT_EQ(read.size(), shapes().size());
  for (const auto& [name, shape] : shapes()) {
    const auto& facts = read.at(name);
    EXPECT_EQ(facts.at("sha256"), sha256_hex(text_of(shape))) << name << ": transformers has not seen this text";
    EXPECT_EQ(facts.at("class"), hf_class_name(*hf_family(shape))) << name;
    EXPECT_EQ(facts.at("dtype"), "torch.bfloat16") << name;
    EXPECT_EQ(facts.at("tokens").dump(), "[1,[2,3],null]") << name;
    // What the class does not say of itself: biases that are not a choice, dropout.
    auto config = config_from_json<ModelConfig>(facts.at("model"));
    if (!config.qkv_bias) config.qkv_bias = shape.qkv_bias;
    const bool zero_filled = hf_family(shape) == HfFamily::kLlama && shape.bias && !shape.qkv_bias;
    if (zero_filled) config.qkv_bias = false;
    config.bias = shape.bias;
    if (!config.dropout) config.dropout = shape.dropout;
    EXPECT_EQ(resolve_model(config), shape) << name;
  }
}

// golden/written.json: transformers' own files for the published configurations.
TEST(HfConfig, ReadsWhatTransformersWritesForEveryPublishedPreset) {
  const auto written = golden("written.json");
  EXPECT_GT(written.size(), 30U);
  for (const auto& [name, json] : written.items()) {
    const auto preset = name.substr(0, name.find('/'));
    EXPECT_EQ(shape_from_hf_config(json.dump(), name), resolve_model({.preset = preset})) << name;
  }
}

TEST(HfConfig, WritesTokensAsNumberListOrNull) {
  const auto shape = resolve_model({.preset = "llama-2m"});
  const auto one = nlohmann::json::parse(hf_config_json(shape, {.bos = {}, .eos = {7}, .pad = 9}, "float32"));
  EXPECT_EQ(one.at("bos_token_id"), nullptr);
  EXPECT_EQ(one.at("eos_token_id"), 7);
  EXPECT_EQ(one.at("pad_token_id"), 9);
  EXPECT_EQ(one.at("dtype"), "float32");
  EXPECT_EQ(one.at("torch_dtype"), "float32");
  const auto generation = nlohmann::json::parse(hf_generation_config_json({.bos = 1, .eos = {2, 5}, .pad = {}}));
  EXPECT_EQ(generation, nlohmann::json::parse(R"({"bos_token_id": 1, "eos_token_id": [2, 5], "pad_token_id": null})"));
}

// transformers 5 knows rope_parameters, transformers 4 rope_theta and rope_scaling.
TEST(HfConfig, WritesBothFormsOfTheRotation) {
  const auto json = nlohmann::json::parse(text_of(resolve_model({.preset = "llama-3.1-8b"})));
  EXPECT_EQ(json.at("rope_theta"), 500000);
  EXPECT_EQ(json.at("rope_scaling"), nlohmann::json::parse(R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1,
    "high_freq_factor": 4, "original_max_position_embeddings": 8192})"));
  EXPECT_EQ(json.at("rope_parameters"), nlohmann::json::parse(R"({"rope_type": "llama3", "factor": 8,
    "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192, "rope_theta": 500000})"));
  const auto plain = nlohmann::json::parse(text_of(resolve_model({.preset = "llama-2-7b"})));
  EXPECT_EQ(plain.at("rope_scaling"), nullptr);
  EXPECT_EQ(plain.at("rope_parameters"), nlohmann::json::parse(R"({"rope_type": "default", "rope_theta": 10000})"));
}

// transformers 4.31's file of Llama 2, before rope_theta was a key; modeling_llama of that time: base 10000.
TEST(ShapeFromHfConfig, TakesDefaultsOfTheClassForMissingKeys) {
  const auto shape = shape_from_hf_config(R"({
    "_name_or_path": "x", "architectures": ["LlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2,
    "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 11008,
    "max_position_embeddings": 4096, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32,
    "num_key_value_heads": 32, "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null,
    "tie_word_embeddings": false, "torch_dtype": "float16", "transformers_version": "4.31.0.dev0", "use_cache": true,
    "vocab_size": 32000})",
                                          kName);
  EXPECT_EQ(shape, resolve_model({.preset = "llama-2-7b"}));

  // GPT-2's dropout is part of its class; the rest is the preset.
  EXPECT_EQ(shape_from_hf_config(R"({"model_type": "gpt2"})", kName),
            resolve_model({.preset = "gpt2", .dropout = 0.1}));
  // MistralConfig's defaults are Mistral 7B's but for the context and the epsilon.
  EXPECT_EQ(shape_from_hf_config(R"({"model_type": "mistral"})", kName),
            resolve_model({.preset = "mistral-7b-v0.1", .context = 131072, .norm_eps = 1e-6}));
  const auto qwen3 = shape_from_hf_config(R"({"model_type": "qwen3", "num_attention_heads": 64})", kName);
  EXPECT_EQ(qwen3.head_dim, 128);
  EXPECT_EQ(qwen3.kv_heads, 32);
  EXPECT_EQ(shape_from_hf_config(R"({"model_type": "llama", "num_attention_heads": 16})", kName).kv_heads, 16);
}

TEST(ShapeFromHfConfig, TakesEitherFormOfTheRotation) {
  const std::string scaling =
      R"("factor": 32, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192)";
  const auto read = [](const std::string& keys) {
    return shape_from_hf_config(R"({"model_type": "llama", "max_position_embeddings": 131072, )" + keys + "}", kName);
  };
  const RopeScaling expected{32, 1, 4, 8192};
  const auto old_form = read(R"("rope_theta": 5e5, "rope_scaling": {"type": "llama3", )" + scaling + "}");
  EXPECT_EQ(old_form.rope_theta, 5e5);
  EXPECT_EQ(old_form.rope_scaling, expected);
  const auto new_form = read(R"("rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", )" + scaling + "}");
  EXPECT_EQ(new_form, old_form);
  // A table that only holds the base says nothing of scaling.
  EXPECT_EQ(read(R"("rope_parameters": {"rope_theta": 5e5}, "rope_scaling": {"rope_type": "llama3", )" + scaling + "}"),
            old_form);
  EXPECT_EQ(read(R"("rope_theta": 5e5, "rope_parameters": {"rope_type": "default"})").rope_scaling, std::nullopt);
}

TEST(ShapeFromHfConfig, TakesAWindowThatAllLayersOrNoneHave) {
  const auto window = [](const std::string& keys) {
    return shape_from_hf_config(R"({"num_hidden_layers": 2, "sliding_window": 64, )" + keys + "}", kName)
        .sliding_window;
  };
  EXPECT_EQ(window(R"("model_type": "mistral")"), 64);
  EXPECT_EQ(window(R"("model_type": "llama")"), std::nullopt);  // LlamaForCausalLM does not look at it
  EXPECT_EQ(window(R"("model_type": "qwen2")"), std::nullopt);
  EXPECT_EQ(window(R"("model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 0)"), 64);
  EXPECT_EQ(window(R"("model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 2)"), std::nullopt);
  EXPECT_EQ(window(R"("model_type": "qwen3", "use_sliding_window": true, "max_window_layers": 1,
                       "layer_types": ["sliding_attention", "sliding_attention"])"),
            64);
  EXPECT_EQ(window(R"("model_type": "qwen3", "use_sliding_window": true, "max_window_layers": 0,
                       "layer_types": ["full_attention", "full_attention"])"),
            std::nullopt);
  EXPECT_EQ(window(R"("model_type": "mistral", "max_position_embeddings": 64)"), std::nullopt);  // it hides nothing
}

struct Refused {
  std::string json;
  std::string message;
};

class RefusedConfig : public testing::TestWithParam<Refused> {};

TEST_P(RefusedConfig, IsAnInputErrorThatNamesFileAndKey) {
  EXPECT_EQ(error_of(ExitCode::kInput, [] { shape_from_hf_config(GetParam().json, kName); }), GetParam().message);
}

const std::vector<Refused> kRefused = {
    {"{", "model/config.json: byte 2: malformed JSON at '{'"},
    {"[]", "model/config.json: expected an object, got array"},
    {R"({"model_type": "llama", "model_type": "gpt2"})", R"(model/config.json: key "model_type" stands twice)"},
    {"{}", "model/config.json: has no 'model_type'"},
    {R"({"model_type": "gemma2"})",
     R"(model/config.json: model_type: "gemma2" is not supported, expected one of gpt2, llama, mistral, qwen2, qwen3)"},
    {R"({"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]})",
     R"(model/config.json: architectures[0]: "LlamaForSequenceClassification" is not supported, )"
     R"(expected "LlamaForCausalLM")"},
    {R"({"model_type": "llama", "quantization_config": {"bits": 4}})",
     "model/config.json: quantization_config: quantized weights are not read; convert the model to bfloat16 or float32 "
     "first"},
    {R"({"model_type": "llama", "is_encoder_decoder": true})",
     "model/config.json: is_encoder_decoder: true is not supported, expected false"},
    {R"({"model_type": "llama", "per_layer_config": {"0": {}}})",
     "model/config.json: per_layer_config: layers that differ from each other are not supported"},
    {R"({"model_type": "llama", "hidden_act": "gelu"})",
     R"(model/config.json: hidden_act: "gelu" is not supported, expected "silu")"},
    {R"({"model_type": "gpt2", "activation_function": "relu"})",
     R"(model/config.json: activation_function: "relu" is not supported, expected gelu, gelu_new, gelu_pytorch_tanh )"
     "or gelu_fast"},
    {R"({"model_type": "gpt2", "resid_pdrop": 0.2})",
     "model/config.json: embd_pdrop and resid_pdrop differ, expected one dropout for both; set embd_pdrop to 0.2"},
    {R"({"model_type": "gpt2", "embd_pdrop": 1})",
     "model/config.json: embd_pdrop: expected a number from 0 to below 1, got 1"},
    {R"({"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true})",
     "model/config.json: scale_attn_by_inverse_layer_idx: true is not supported, expected false"},
    {R"({"model_type": "gpt2", "scale_attn_weights": false})",
     "model/config.json: scale_attn_weights: false is not supported, expected true"},
    {R"({"model_type": "gpt2", "add_cross_attention": true})",
     "model/config.json: add_cross_attention: true is not supported, expected false"},
    {R"({"model_type": "llama", "hidden_size": "4096"})",
     R"(model/config.json: hidden_size: expected a whole number from 1 to 1000000000, got "4096")"},
    {R"({"model_type": "llama", "num_hidden_layers": 0})",
     "model/config.json: num_hidden_layers: expected a whole number from 1 to 1000000000, got 0"},
    {R"({"model_type": "llama", "vocab_size": 18446744073709551615})",
     "model/config.json: vocab_size: expected a whole number from 1 to 1000000000, got 18446744073709551615"},
    {R"({"model_type": "llama", "rms_norm_eps": -1e-6})",
     "model/config.json: rms_norm_eps: expected a number above 0, got -1e-06"},
    {R"({"model_type": "llama", "tie_word_embeddings": 1})",
     "model/config.json: tie_word_embeddings: expected true or false, got number"},
    {R"({"model_type": "llama", "num_key_value_heads": 5})",
     "model/config.json: 'model.kv_heads': heads 32 is not a multiple of kv_heads 5"},
    {R"({"model_type": "llama", "num_hidden_layers": 1000000})",
     "model/config.json: 'model.layers': expected 1 to 10000, got 1000000"},
    {R"({"model_type": "llama", "attention_bias": true})",
     "model/config.json: attention_bias: biases in attention or the feed-forward layers alone are not supported, "
     "expected attention_bias and mlp_bias to be equal"},
    {R"({"model_type": "llama", "rope_scaling": {"type": "linear", "factor": 2.0}})",
     R"(model/config.json: rope_scaling.type: "linear" is not supported, expected "default" or "llama3")"},
    {R"({"model_type": "qwen2", "rope_parameters": {"rope_theta": 1e6, "rope_type": "yarn", "factor": 4.0}})",
     R"(model/config.json: rope_parameters.rope_type: "yarn" is not supported, expected "default" or "llama3")"},
    {R"({"model_type": "llama", "rope_scaling": {"factor": 2.0}})",
     "model/config.json: rope_scaling: has no rope_type"},
    {R"({"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "type": "linear"}})",
     "model/config.json: rope_scaling.type: contradicts rope_type, expected the same in both"},
    {R"({"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8}})",
     "model/config.json: rope_scaling: has no 'low_freq_factor'"},
    {R"({"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 4,
        "high_freq_factor": 4}})",
     "model/config.json: rope_scaling.high_freq_factor: expected more than low_freq_factor"},
    {R"({"model_type": "llama", "rope_theta": 5e5, "rope_parameters": {"rope_theta": 1e4}})",
     "model/config.json: rope_parameters.rope_theta: 10000.0 contradicts the 500000.0 that stands elsewhere in the "
     "file"},
    {R"({"model_type": "llama", "rope_parameters": {"rope_type": "default"}, "rope_scaling": {"rope_type": "llama3",
        "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}})",
     "model/config.json: rope_scaling: contradicts rope_parameters, expected the same in both"},
    {R"({"model_type": "llama", "partial_rotary_factor": 0.5})",
     "model/config.json: partial_rotary_factor: 0.5 is not supported, expected 1"},
    {R"({"model_type": "mistral", "rope_parameters": {"full_attention": {"rope_theta": 1e4}}})",
     "model/config.json: rope_parameters.full_attention: unknown key, expected one of rope_theta, rope_type, type, "
     "factor, low_freq_factor, high_freq_factor, original_max_position_embeddings, partial_rotary_factor"},
    {R"({"model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 28})",
     "model/config.json: max_window_layers: 4 of 32 layers have a sliding window of 4096, expected all or none; the "
     "window must have a size"},
    {R"({"model_type": "mistral", "num_hidden_layers": 2, "layer_types": ["full_attention", "sliding_attention"]})",
     "model/config.json: layer_types: 1 of 2 layers have a sliding window of 4096, expected all or none; the window "
     "must have a size"},
    {R"({"model_type": "llama", "num_hidden_layers": 1, "layer_types": ["sliding_attention"]})",
     "model/config.json: layer_types: 1 of 1 layers have a sliding window of no size, expected none"},
    {R"({"model_type": "qwen3", "num_hidden_layers": 2, "layer_types": ["full_attention"]})",
     "model/config.json: layer_types: expected 2 layers, got 1"},
    {R"({"model_type": "qwen3", "num_hidden_layers": 1, "layer_types": ["linear_attention"]})",
     R"(model/config.json: layer_types[0]: "linear_attention" is not supported, expected full_attention or )"
     "sliding_attention"},
};

INSTANTIATE_TEST_SUITE_P(All, RefusedConfig, testing::ValuesIn(kRefused));

}  // namespace
}  // namespace llmtrain
