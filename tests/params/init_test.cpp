#include "lib/params/init.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace llmtrain {
namespace {

// Big enough for statistics, of every kind of weight.
ModelShape shape_of(const char* preset, std::int64_t layers, std::int64_t ffn = 512) {
  ModelConfig config;
  config.preset = preset;
  config.layers = layers;
  config.embed = 128;
  config.heads = 4;
  if (std::string(preset) == "qwen3-0.6b") config.kv_heads = 2;
  config.head_dim = 32;
  config.ffn = ffn;
  config.vocab = 1500;
  config.context = 256;
  config.init_std = 0.02;
  return resolve_model(config);
}

WeightStore initialized(const ModelShape& shape, std::uint64_t seed, at::ScalarType type = at::kFloat) {
  WeightStore store({.parameters = parameter_table(shape), .joined = {}, .rules = {}},
                    {.compute = type, .master = type, .grad = type});
  initialize(store, shape, seed);
  return store;
}

bool writes_residual(const std::string& name) {
  return name.find("o_proj") != std::string::npos || name.find("down_proj") != std::string::npos;
}

// Five standard errors of each statistic of independent normals. With 8 layers, 1 / sqrt(2 layers) is 1/4.
TEST(Initialize, MatricesAreNormalAndThoseIntoTheResidualSmaller) {
  for (const auto* preset : {"gpt2", "qwen3-0.6b"}) {
    const auto store = initialized(shape_of(preset, 8), 1);
    for (const auto& name : store.names()) {
      const auto weight = store.master(name).flatten().to(at::kDouble);
      if (store.master(name).dim() == 1) continue;
      const auto n = static_cast<double>(weight.numel());
      const double deviation = writes_residual(name) ? 0.005 : 0.02;
      const auto z = weight / deviation;
      const auto share_below = [&](double limit) { return z.abs().lt(limit).to(at::kDouble).mean().item<double>(); };
      EXPECT_LE(std::abs(z.mean().item<double>()), 5 / std::sqrt(n)) << name;
      EXPECT_LE(std::abs(z.std().item<double>() - 1), 5 / std::sqrt(2 * n)) << name;
      EXPECT_LE(std::abs(share_below(1) - 0.682689), 5 * std::sqrt(0.682689 * 0.317311 / n)) << name;
      EXPECT_LE(std::abs(share_below(2) - 0.954500), 5 * std::sqrt(0.954500 * 0.045500 / n)) << name;
      for (const std::int64_t apart : {1, 2, 128}) {
        const auto count = z.numel() - apart;
        const double correlation = (z.narrow(0, 0, count) * z.narrow(0, apart, count)).mean().item<double>();
        EXPECT_LE(std::abs(correlation), 5 / std::sqrt(static_cast<double>(count))) << name << " " << apart;
      }
    }
  }
}

TEST(Initialize, NormsAreOneAndBiasesZero) {
  for (const auto* preset : {"gpt2", "qwen3-0.6b"}) {
    const auto store = initialized(shape_of(preset, 2), 1);
    int vectors = 0;
    for (const auto& name : store.names()) {
      const auto weight = store.master(name);
      if (weight.dim() != 1) continue;
      ++vectors;
      EXPECT_TRUE(at::equal(weight, at::full_like(weight, name.ends_with(".bias") ? 0.0 : 1.0))) << name;
    }
    EXPECT_GE(vectors, 5);
  }
}

TEST(Initialize, IsAFunctionOfTheSeed) {
  const auto shape = shape_of("gpt2", 2);
  const auto one = initialized(shape, 1);
  const auto same = initialized(shape, 1);
  const auto other = initialized(shape, 2);
  for (const auto& name : one.names()) {
    EXPECT_TRUE(at::equal(one.master(name), same.master(name))) << name;
    if (one.master(name).dim() == 1) continue;
    EXPECT_LE(one.master(name).eq(other.master(name)).sum().item<std::int64_t>(), 2) << name;
  }
}

TEST(Initialize, EachWeightHasValuesOfItsOwn) {
  const auto store = initialized(shape_of("gpt2", 2), 1);
  const auto query = [&](int layer) {
    return store.master("model.layers." + std::to_string(layer) + ".self_attn.q_proj.weight");
  };
  EXPECT_LE(query(0).eq(query(1)).sum().item<std::int64_t>(), 2);
  EXPECT_LE(query(0).eq(store.master("model.layers.0.self_attn.k_proj.weight")).sum().item<std::int64_t>(), 2);
}

// Wider feed-forward parts do not move what other weights begin with, nor the rows that both have.
TEST(Initialize, AnElementDoesNotDependOnOtherShapes) {
  const auto small = initialized(shape_of("gpt2", 2, 512), 5);
  const auto wide = initialized(shape_of("gpt2", 2, 640), 5);
  for (const auto& name : small.names()) {
    const auto a = small.master(name);
    const auto b = wide.master(name);
    if (name.find("mlp.down_proj.weight") != std::string::npos) continue;  // its rows are of another length
    EXPECT_TRUE(at::equal(a, b.narrow(0, 0, a.size(0)))) << name;
  }
}

TEST(Initialize, DoesNotDependOnThreadsOrType) {
  const auto shape = shape_of("gpt2", 2);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = initialized(shape, 3);
  at::set_num_threads(4);
  const auto together = initialized(shape, 3);
  at::set_num_threads(threads);
  const auto wide = initialized(shape, 3, at::kDouble);
  for (const auto& name : alone.names()) {
    EXPECT_TRUE(at::equal(alone.master(name), together.master(name))) << name;
    EXPECT_TRUE(at::equal(alone.master(name), wide.master(name).to(at::kFloat))) << name;
  }
}

TEST(Initialize, MakesTheComputeWeights) {
  const auto shape = shape_of("gpt2", 2);
  WeightStore store({.parameters = parameter_table(shape), .joined = {}, .rules = {}},
                    {.compute = at::kBFloat16, .master = at::kFloat, .grad = at::kFloat});
  initialize(store, shape, 3);
  for (const auto& name : store.names()) {
    EXPECT_TRUE(at::equal(store.weight(name).value, store.master(name).to(at::kBFloat16))) << name;
  }
}

}  // namespace
}  // namespace llmtrain
