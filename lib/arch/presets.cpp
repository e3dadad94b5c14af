#include "lib/arch/presets.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace llmtrain {
namespace {

// What differs between the sizes of a family. kv_heads or ffn 0: as resolve_model derives it.
struct Size {
  const char* name;
  std::int64_t layers;
  std::int64_t embed;
  std::int64_t heads;
  std::int64_t kv_heads;
  std::int64_t ffn;
  std::int64_t vocab;
  std::int64_t context;
};

ModelConfig sized(ModelConfig config, const Size& size) {
  config.layers = size.layers;
  config.embed = size.embed;
  config.heads = size.heads;
  if (size.kv_heads != 0) config.kv_heads = size.kv_heads;
  if (size.ffn != 0) config.ffn = size.ffn;
  config.vocab = size.vocab;
  config.context = size.context;
  return config;
}

// A family being written down: its common values and where its presets go.
class Family {
 public:
  Family(std::vector<Preset>& presets, std::string name, ModelConfig common)
      : presets_(presets), name_(std::move(name)), common_(std::move(common)) {}

  // The config returned is there to be adjusted; it moves when the next one is added.
  ModelConfig& add(const Size& size) {
    presets_.push_back({.name = size.name, .family = name_, .config = sized(common_, size)});
    return presets_.back().config;
  }
  void add(std::span<const Size> sizes) {
    for (const auto& size : sizes) add(size);
  }

 private:
  std::vector<Preset>& presets_;
  std::string name_;
  ModelConfig common_;
};

ModelConfig llama_like(double rope_theta) {
  return {.norm = NormKind::kRmsNorm,
          .norm_eps = 1e-5,
          .positions = PositionKind::kRotary,
          .rope_theta = rope_theta,
          .activation = ActivationKind::kSwiglu,
          .bias = false,
          .tied = false,
          .init_std = 0.02};
}

// Ours: Llama's blocks in sizes for one machine, tied, for embeddings would be most of a small model.
void add_small(std::vector<Preset>& presets) {
  auto common = llama_like(10000);
  common.tied = true;
  Family(presets, "llama, small", common)
      .add(std::array<Size, 5>{{{"llama-2m", 4, 192, 6, 0, 512, 2048, 256},
                                {"llama-10m", 7, 320, 5, 0, 896, 4096, 512},
                                {"llama-30m", 8, 512, 8, 0, 1408, 8192, 1024},
                                {"llama-110m", 12, 768, 12, 0, 2048, 32000, 1024},
                                {"llama-300m", 24, 1024, 16, 4, 2816, 32000, 2048}}});
}

// nanoGPT: model.py and config/train_shakespeare_char.py (10m), README's settings for a laptop (cpu). No biases, exact
// GELU, 65 characters. The dropout is part of what these two are known for.
void add_nanogpt(std::vector<Preset>& presets) {
  Family family(presets, "nanogpt",
                {.norm = NormKind::kLayerNorm,
                 .norm_eps = 1e-5,
                 .positions = PositionKind::kLearned,
                 .activation = ActivationKind::kGelu,
                 .bias = false,
                 .tied = true,
                 .dropout = 0.0,
                 .init_std = 0.02});
  family.add({"nanogpt-shakespeare-cpu", 4, 128, 4, 0, 0, 65, 64});
  family.add({"nanogpt-shakespeare-10m", 6, 384, 6, 0, 0, 65, 256}).dropout = 0.2;
}

// config.json of gpt2, gpt2-medium, gpt2-large, gpt2-xl. Their dropout belongs to a training run, not to the
// architecture, and is left at none.
void add_gpt2(std::vector<Preset>& presets) {
  Family(presets, "gpt2",
         {.norm = NormKind::kLayerNorm,
          .norm_eps = 1e-5,
          .positions = PositionKind::kLearned,
          .activation = ActivationKind::kGeluTanh,
          .bias = true,
          .tied = true,
          .init_std = 0.02})
      .add(std::array<Size, 4>{{{"gpt2", 12, 768, 12, 0, 0, 50257, 1024},
                                {"gpt2-medium", 24, 1024, 16, 0, 0, 50257, 1024},
                                {"gpt2-large", 36, 1280, 20, 0, 0, 50257, 1024},
                                {"gpt2-xl", 48, 1600, 25, 0, 0, 50257, 1024}}});
}

// config.json of Llama-2-*-hf, Meta-Llama-3-*, Llama-3.1-*, Llama-3.2-*; arXiv 2307.09288 and 2407.21783 table 3.
void add_llama(std::vector<Preset>& presets) {
  Family(presets, "llama 2", llama_like(10000))
      .add(std::array<Size, 3>{{{"llama-2-7b", 32, 4096, 32, 0, 11008, 32000, 4096},
                                {"llama-2-13b", 40, 5120, 40, 0, 13824, 32000, 4096},
                                {"llama-2-70b", 80, 8192, 64, 8, 28672, 32000, 4096}}});
  auto common = llama_like(500000);
  Family(presets, "llama 3", common)
      .add(std::array<Size, 2>{{{"llama-3-8b", 32, 4096, 32, 8, 14336, 128256, 8192},
                                {"llama-3-70b", 80, 8192, 64, 8, 28672, 128256, 8192}}});
  common.rope_scaling = {.factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 8192};
  Family(presets, "llama 3.1", common)
      .add(std::array<Size, 3>{{{"llama-3.1-8b", 32, 4096, 32, 8, 14336, 128256, 131072},
                                {"llama-3.1-70b", 80, 8192, 64, 8, 28672, 128256, 131072},
                                {"llama-3.1-405b", 126, 16384, 128, 8, 53248, 128256, 131072}}});
  common.rope_scaling->factor = 32;
  common.tied = true;
  Family(presets, "llama 3.2", common)
      .add(std::array<Size, 2>{{{"llama-3.2-1b", 16, 2048, 32, 8, 8192, 128256, 131072},
                                {"llama-3.2-3b", 28, 3072, 24, 8, 8192, 128256, 131072}}});
}

// config.json of TinyLlama-1.1B (arXiv 2401.02385) and SmolLM2-* (arXiv 2502.02737).
void add_small_open(std::vector<Preset>& presets) {
  Family(presets, "tinyllama", llama_like(10000)).add({"tinyllama-1.1b", 22, 2048, 32, 4, 5632, 32000, 2048});
  auto common = llama_like(100000);
  common.tied = true;
  Family smollm2(presets, "smollm2", common);
  smollm2.add({"smollm2-135m", 30, 576, 9, 3, 1536, 49152, 8192}).init_std = 0.041666666666666664;
  smollm2.add({"smollm2-360m", 32, 960, 15, 5, 2560, 49152, 8192});
  smollm2.add({"smollm2-1.7b", 24, 2048, 32, 0, 8192, 49152, 8192}).rope_theta = 130000;
}

// config.json of Mistral-7B-v0.1 (arXiv 2310.06825), Mistral-7B-v0.3, Mistral-Nemo-Base-2407 (heads narrower than
// embed / heads), Mistral-Large-Instruct-2407.
void add_mistral(std::vector<Preset>& presets) {
  Family family(presets, "mistral", llama_like(1000000));
  auto& first = family.add({"mistral-7b-v0.1", 32, 4096, 32, 8, 14336, 32000, 32768});
  first.rope_theta = 10000;
  first.sliding_window = 4096;
  family.add({"mistral-7b-v0.3", 32, 4096, 32, 8, 14336, 32768, 32768});
  family.add({"mistral-nemo-12b", 40, 5120, 32, 8, 14336, 131072, 128000}).head_dim = 128;
  family.add({"mistral-large-2", 88, 12288, 96, 8, 28672, 32768, 32768});
}

// config.json of Qwen2.5-* (arXiv 2412.15115: biases on queries, keys and values; the three smallest tie) and Qwen3-*
// (arXiv 2505.09388: no biases, normed queries and keys, heads of 128 whatever the width).
void add_qwen(std::vector<Preset>& presets) {
  auto common = llama_like(1000000);
  common.norm_eps = 1e-6;
  common.qkv_bias = true;
  auto tied = common;
  tied.tied = true;
  Family(presets, "qwen2.5", tied)
      .add(std::array<Size, 3>{{{"qwen2.5-0.5b", 24, 896, 14, 2, 4864, 151936, 32768},
                                {"qwen2.5-1.5b", 28, 1536, 12, 2, 8960, 151936, 131072},
                                {"qwen2.5-3b", 36, 2048, 16, 2, 11008, 151936, 32768}}});
  Family(presets, "qwen2.5", common).add({"qwen2.5-7b", 28, 3584, 28, 4, 18944, 152064, 131072});
  common.norm_eps = 1e-5;
  Family(presets, "qwen2.5", common)
      .add(std::array<Size, 3>{{{"qwen2.5-14b", 48, 5120, 40, 8, 13824, 152064, 131072},
                                {"qwen2.5-32b", 64, 5120, 40, 8, 27648, 152064, 131072},
                                {"qwen2.5-72b", 80, 8192, 64, 8, 29568, 152064, 131072}}});

  common = llama_like(1000000);
  common.norm_eps = 1e-6;
  common.qk_norm = true;
  common.head_dim = 128;
  tied = common;
  tied.tied = true;
  Family(presets, "qwen3", tied)
      .add(std::array<Size, 3>{{{"qwen3-0.6b", 28, 1024, 16, 8, 3072, 151936, 40960},
                                {"qwen3-1.7b", 28, 2048, 16, 8, 6144, 151936, 40960},
                                {"qwen3-4b", 36, 2560, 32, 8, 9728, 151936, 40960}}});
  Family(presets, "qwen3", common)
      .add(std::array<Size, 3>{{{"qwen3-8b", 36, 4096, 32, 8, 12288, 151936, 40960},
                                {"qwen3-14b", 40, 5120, 40, 8, 17408, 151936, 40960},
                                {"qwen3-32b", 64, 5120, 64, 8, 25600, 151936, 40960}}});
}

std::vector<Preset> make_presets() {
  std::vector<Preset> presets;
  add_small(presets);
  add_nanogpt(presets);
  add_gpt2(presets);
  add_small_open(presets);
  add_llama(presets);
  add_mistral(presets);
  add_qwen(presets);
  return presets;
}

}  // namespace

const std::vector<Preset>& all_presets() {
  static const std::vector<Preset> presets = make_presets();
  return presets;
}

const Preset* find_preset(std::string_view name) {
  const auto found = std::ranges::find(all_presets(), name, &Preset::name);
  return found == all_presets().end() ? nullptr : &*found;
}

}  // namespace llmtrain
