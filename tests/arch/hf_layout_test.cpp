#include "lib/arch/hf_layout.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lib/arch/parameter_table.h"
#include "lib/base/digest.h"
#include "tests/arch/golden_file.h"

namespace llmtrain {
namespace {

std::string dims(const std::vector<std::int64_t>& shape) { return fmt::format("{}", fmt::join(shape, "x")); }

// Made by scripts/fixtures/model_parameters.py from the models of transformers.
TEST(HfTensors, AreThoseOfTransformersForEveryPublishedPreset) {
  for (const auto& row : golden_rows("totals.tsv")) {
    ASSERT_EQ(row.size(), 5U);
    const auto tensors = hf_tensors(resolve_model({.preset = row[0]}));
    std::vector<std::string> lines;
    std::int64_t total = 0;
    for (const auto& tensor : tensors) {
      lines.push_back(fmt::format("{} {}\n", tensor.name, dims(tensor.shape)));
      std::int64_t elements = 1;
      for (const auto size : tensor.shape) elements *= size;
      total += elements;
    }
    std::ranges::sort(lines);
    EXPECT_EQ(total, std::stoll(row[2])) << row[0];
    EXPECT_EQ(tensors.size(), std::stoull(row[3])) << row[0];
    EXPECT_EQ(sha256_hex(fmt::format("{}", fmt::join(lines, ""))), row[4]) << row[0];
  }
}

// The same with two layers, written out, so that a difference can be read.
TEST(HfTensors, HaveTheNamesAndShapesOfTransformers) {
  for (const std::string preset :
       {"gpt2", "llama-3.1-8b", "llama-3.2-1b", "mistral-nemo-12b", "qwen2.5-0.5b", "qwen3-0.6b"}) {
    std::map<std::string, std::string> expected;
    for (const auto& row : golden_rows(preset + ".tsv")) expected[row.at(0)] = row.at(1);
    std::map<std::string, std::string> ours;
    for (const auto& tensor : hf_tensors(resolve_model({.preset = preset, .layers = 2}))) {
      ours[tensor.name] = dims(tensor.shape);
    }
    EXPECT_EQ(ours, expected) << preset;
  }
}

TEST(HfFamily, IsTheClassThatComputesTheShape) {
  const auto family = [](const char* preset) { return hf_family(resolve_model({.preset = preset})); };
  EXPECT_EQ(family("gpt2"), HfFamily::kGpt2);
  EXPECT_EQ(family("nanogpt-shakespeare-cpu"), HfFamily::kGpt2);
  EXPECT_EQ(family("llama-2m"), HfFamily::kLlama);
  EXPECT_EQ(family("mistral-7b-v0.1"), HfFamily::kMistral);
  EXPECT_EQ(family("qwen2.5-7b"), HfFamily::kQwen2);
  EXPECT_EQ(family("qwen3-8b"), HfFamily::kQwen3);
  EXPECT_EQ(hf_family(resolve_model({.preset = "llama-2m", .norm = NormKind::kLayerNorm})), std::nullopt);
  // configuration_llama.py, validate_architecture: the width must be a multiple of the heads.
  EXPECT_EQ(hf_family(resolve_model({.preset = "llama-2m", .embed = 100, .heads = 3, .head_dim = 32})),
            HfFamily::kMistral);
  EXPECT_EQ(hf_family(resolve_model({.preset = "gpt2", .kv_heads = 4})), std::nullopt);
}

// Every parameter stands in exactly one tensor, and the joined rows fill the tensor.
TEST(HfTensors, CarryEveryParameterOnceWithItsElements) {
  for (const char* preset : {"gpt2", "nanogpt-shakespeare-10m", "qwen3-0.6b", "llama-2-7b"}) {
    const auto shape = resolve_model({.preset = preset, .layers = 2});
    std::map<std::string, std::int64_t> left;
    for (const auto& parameter : parameter_table(shape)) {
      if (parameter.tied_to.empty()) left[parameter.name] = parameter.elements();
    }
    for (const auto& tensor : hf_tensors(shape)) {
      std::int64_t elements = 1;
      for (const auto size : tensor.shape) elements *= size;
      for (const auto& name : tensor.parameters) {
        ASSERT_EQ(left.count(name), 1U) << preset << " " << name;
        elements -= left.at(name);
        left.erase(name);
      }
      EXPECT_TRUE(elements == 0 || tensor.parameters.empty()) << preset << " " << tensor.name;
    }
    EXPECT_EQ(left.size(), 0U) << preset;
  }
}

// GPT-2's class has biases everywhere; nanoGPT's small models have none, so theirs are zeros.
TEST(HfTensors, FillBiasesThatOnlyTheClassHasWithZeros) {
  int zeros = 0;
  for (const auto& tensor : hf_tensors(resolve_model({.preset = "nanogpt-shakespeare-cpu"}))) {
    EXPECT_EQ(tensor.parameters.empty(), tensor.name.ends_with(".bias")) << tensor.name;
    zeros += tensor.parameters.empty() ? 1 : 0;
  }
  EXPECT_EQ(zeros, 4 * 6 + 1);

  // Llama's attention_bias is for all four projections, Qwen 3's too; here the shape lacks the other half.
  const auto has_zeros = [](const ModelConfig& config, const std::string& name) {
    const auto tensors = hf_tensors(resolve_model(config));
    const auto found = std::ranges::find(tensors, name, &HfTensor::name);
    return found != tensors.end() && found->parameters.empty();
  };
  const std::string attention = "model.layers.0.self_attn.";
  EXPECT_TRUE(has_zeros({.preset = "llama-2m", .qkv_bias = false, .bias = true}, attention + "k_proj.bias"));
  EXPECT_TRUE(has_zeros({.preset = "qwen3-0.6b", .qkv_bias = true}, attention + "o_proj.bias"));
  EXPECT_FALSE(has_zeros({.preset = "qwen3-0.6b"}, attention + "o_proj.bias"));
}

// GPT-2 splits c_attn's columns into queries, keys, values in this order (modeling_gpt2: split(split_size, dim=2)).
TEST(HfTensors, JoinGpt2sAttentionInItsOrder) {
  const auto tensors = hf_tensors(resolve_model({.preset = "gpt2"}));
  for (const std::string kind : {"weight", "bias"}) {
    const auto joined = std::ranges::find(tensors, "transformer.h.11.attn.c_attn." + kind, &HfTensor::name);
    ASSERT_NE(joined, tensors.end());
    const std::string attention = "model.layers.11.self_attn.";
    EXPECT_EQ(joined->parameters, (std::vector<std::string>{attention + "q_proj." + kind, attention + "k_proj." + kind,
                                                            attention + "v_proj." + kind}));
  }
}

TEST(HfTensors, TransposeGpt2sProjectionsOnly) {
  for (const auto& tensor : hf_tensors(resolve_model({.preset = "gpt2"}))) {
    EXPECT_EQ(tensor.transposed, tensor.name.find(".c_") != std::string::npos && tensor.name.ends_with(".weight"))
        << tensor.name;
  }
}

}  // namespace
}  // namespace llmtrain
