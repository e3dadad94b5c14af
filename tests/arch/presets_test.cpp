#include "lib/arch/presets.h"

#include <set>

#include <gtest/gtest.h>

#include "lib/arch/parameter_table.h"

namespace llmtrain {
namespace {

std::int64_t total(const std::string& preset) { return count_parameters(resolve_model({.preset = preset})).total(); }

// The numbers that the publishers of the weights give (the sums over their safetensors files, Llama 2's less its stored
// rotary frequencies).
TEST(Presets, HaveTheNumbersOfParametersThatWerePublished) {
  EXPECT_EQ(total("gpt2"), 124439808);
  EXPECT_EQ(total("gpt2-xl"), 1557611200);
  EXPECT_EQ(total("tinyllama-1.1b"), 1100048384);
  EXPECT_EQ(total("smollm2-135m"), 134515008);
  EXPECT_EQ(total("smollm2-360m"), 361821120);
  EXPECT_EQ(total("smollm2-1.7b"), 1711376384);
  EXPECT_EQ(total("llama-2-7b"), 6738417664 - 32 * 64);
  EXPECT_EQ(total("llama-2-13b"), 13015866880 - 40 * 64);
  EXPECT_EQ(total("llama-2-70b"), 68976653312 - 80 * 64);
  EXPECT_EQ(total("llama-3.1-8b"), 8030261248);
  EXPECT_EQ(total("llama-3.1-70b"), 70553706496);
  EXPECT_EQ(total("llama-3.1-405b"), 405853388800);
  EXPECT_EQ(total("llama-3.2-1b"), 1235814400);
  EXPECT_EQ(total("mistral-7b-v0.1"), 7241732096);
  EXPECT_EQ(total("mistral-7b-v0.3"), 7248023552);
  EXPECT_EQ(total("mistral-nemo-12b"), 12247782400);
  EXPECT_EQ(total("mistral-large-2"), 122610069504);
  EXPECT_EQ(total("qwen2.5-0.5b"), 494032768);
  EXPECT_EQ(total("qwen2.5-1.5b"), 1543714304);
  EXPECT_EQ(total("qwen2.5-3b"), 3085938688);
  EXPECT_EQ(total("qwen2.5-7b"), 7615616512);
  EXPECT_EQ(total("qwen2.5-14b"), 14770033664);
  EXPECT_EQ(total("qwen2.5-32b"), 32763876352);
  EXPECT_EQ(total("qwen2.5-72b"), 72706203648);
  EXPECT_EQ(total("qwen3-0.6b"), 596049920);
  EXPECT_EQ(total("qwen3-8b"), 8190735360);
  EXPECT_EQ(total("qwen3-14b"), 14768307200);
  EXPECT_EQ(total("qwen3-32b"), 32762123264);
}

// nanoGPT reports 0.80M and 10.65M, without the table of positions. By hand: 12 embed^2 a layer, an embedding row a
// character, two norms a layer and one at the end.
TEST(Presets, HaveNanoGptsShakespeareSizes) {
  const std::int64_t cpu = 4 * 12 * 128 * 128 + 65 * 128 + 9 * 128;
  EXPECT_EQ(cpu, 795904);
  EXPECT_EQ(total("nanogpt-shakespeare-cpu"), cpu + 64 * 128);
  const std::int64_t large = 6 * 12 * 384 * 384 + 65 * 384 + 13 * 384;
  EXPECT_EQ(large, 10646784);
  EXPECT_EQ(total("nanogpt-shakespeare-10m"), large + 256 * 384);
}

// Ours are called by their size; within a tenth.
TEST(Presets, SmallOnesHoldWhatTheirNamesSay) {
  for (const auto& [name, millions] : {std::pair{"llama-2m", 2.0},
                                       {"llama-10m", 10.0},
                                       {"llama-30m", 30.0},
                                       {"llama-110m", 110.0},
                                       {"llama-300m", 300.0}}) {
    EXPECT_NEAR(static_cast<double>(total(name)), millions * 1e6, millions * 1e5) << name;
  }
}

TEST(Presets, AreWholeAndOnceEach) {
  std::set<std::string> names;
  for (const auto& preset : all_presets()) {
    EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_NO_THROW(resolve_model(preset.config)) << preset.name;
    EXPECT_EQ(resolve_model(preset.config), resolve_model({.preset = preset.name})) << preset.name;
    EXPECT_EQ(find_preset(preset.name), &preset);
  }
  EXPECT_EQ(find_preset("gpt-2"), nullptr);
}

// The published facts that no count shows.
TEST(Presets, KeepWhatTheConfigurationsSayBesideSizes) {
  const auto llama32 = resolve_model({.preset = "llama-3.2-3b"});
  EXPECT_EQ(llama32.rope_theta, 500000);
  EXPECT_EQ(llama32.rope_scaling, (RopeScaling{32, 1, 4, 8192}));
  EXPECT_EQ(resolve_model({.preset = "llama-3.1-405b"}).rope_scaling, (RopeScaling{8, 1, 4, 8192}));
  EXPECT_EQ(resolve_model({.preset = "llama-3-8b"}).rope_scaling, std::nullopt);
  EXPECT_EQ(resolve_model({.preset = "llama-3-8b"}).context, 8192);

  const auto mistral = resolve_model({.preset = "mistral-7b-v0.1"});
  EXPECT_EQ(mistral.sliding_window, 4096);
  EXPECT_EQ(mistral.rope_theta, 10000);
  EXPECT_EQ(resolve_model({.preset = "mistral-7b-v0.3"}).sliding_window, std::nullopt);
  EXPECT_EQ(resolve_model({.preset = "mistral-7b-v0.3"}).rope_theta, 1000000);

  EXPECT_EQ(resolve_model({.preset = "qwen2.5-7b"}).norm_eps, 1e-6);
  EXPECT_EQ(resolve_model({.preset = "qwen3-8b"}).norm_eps, 1e-6);
  EXPECT_EQ(resolve_model({.preset = "gpt2"}).activation, ActivationKind::kGeluTanh);
  EXPECT_EQ(resolve_model({.preset = "nanogpt-shakespeare-cpu"}).activation, ActivationKind::kGelu);
  EXPECT_EQ(resolve_model({.preset = "smollm2-1.7b"}).rope_theta, 130000);
}

}  // namespace
}  // namespace llmtrain
