#include "lib/arch/parameter_table.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

const Parameter& named(const std::vector<Parameter>& table, const std::string& name) {
  const auto found = std::ranges::find(table, name, &Parameter::name);
  if (found == table.end()) throw std::out_of_range(name);
  return *found;
}

ModelConfig tiny() {
  return {.layers = 1, .embed = 8, .heads = 4, .kv_heads = 2, .head_dim = 6, .ffn = 10, .vocab = 7, .context = 5};
}

TEST(ParameterTable, ShapesGroupedQueryAttentionByItsHeads) {
  const auto table = parameter_table(resolve_model(tiny()));
  using Shape = std::vector<std::int64_t>;
  EXPECT_EQ(named(table, "model.layers.0.self_attn.q_proj.weight").shape, (Shape{24, 8}));
  EXPECT_EQ(named(table, "model.layers.0.self_attn.k_proj.weight").shape, (Shape{12, 8}));
  EXPECT_EQ(named(table, "model.layers.0.self_attn.v_proj.weight").shape, (Shape{12, 8}));
  EXPECT_EQ(named(table, "model.layers.0.self_attn.o_proj.weight").shape, (Shape{8, 24}));
  EXPECT_EQ(named(table, "model.layers.0.mlp.gate_proj.weight").shape, (Shape{10, 8}));
  EXPECT_EQ(named(table, "model.layers.0.mlp.down_proj.weight").shape, (Shape{8, 10}));
  EXPECT_EQ(table.front().name, "model.embed_tokens.weight");
  EXPECT_EQ(table.back().name, "lm_head.weight");
}

TEST(ParameterTable, DecaysMatricesAndTablesButNoVector) {
  auto config = tiny();
  config.bias = true;
  config.qk_norm = true;
  config.norm = NormKind::kLayerNorm;
  config.positions = PositionKind::kLearned;
  const auto table = parameter_table(resolve_model(config));
  for (const auto& parameter : table) EXPECT_EQ(parameter.decays, parameter.shape.size() == 2) << parameter.name;
  EXPECT_FALSE(named(table, "model.norm.bias").decays);
  EXPECT_FALSE(named(table, "model.layers.0.self_attn.q_norm.weight").decays);
  EXPECT_FALSE(named(table, "model.layers.0.mlp.up_proj.bias").decays);
}

TEST(ParameterTable, ATiedHeadSharesTheEmbeddingAndCountsOnce) {
  auto config = tiny();
  const auto untied = count_parameters(resolve_model(config));
  config.tied = true;
  const auto shape = resolve_model(config);
  EXPECT_EQ(named(parameter_table(shape), "lm_head.weight").tied_to, "model.embed_tokens.weight");
  const auto tied = count_parameters(shape);
  EXPECT_EQ(untied.total() - tied.total(), 7 * 8);
  EXPECT_EQ(untied.head, 7 * 8);
  EXPECT_EQ(tied.head, 0);
  // Untied, the embedding is only looked up; tied, products read it as the head.
  EXPECT_EQ(untied.only_looked_up, 7 * 8);
  EXPECT_EQ(tied.only_looked_up, 0);
}

// By hand for the tiny shape: q 24x8, k and v 12x8, o 8x24; gate, up, down 10x8; three norms of 8.
TEST(CountParameters, AddsUpByPart) {
  const auto counts = count_parameters(resolve_model(tiny()));
  EXPECT_EQ(counts.embedding, 56);
  EXPECT_EQ(counts.attention, 192 + 96 + 96 + 192);
  EXPECT_EQ(counts.feed_forward, 240);
  EXPECT_EQ(counts.norm, 24);
  EXPECT_EQ(counts.head, 56);
  EXPECT_EQ(counts.total(), 56 + 576 + 240 + 24 + 56);
}

// With every bias: q, k, v 24 + 12 + 12; o 8; up 10, down 8; layer norms 3 x 8 more; learned positions 5 x 8.
TEST(CountParameters, AddsBiasesAndPositions) {
  auto config = tiny();
  config.activation = ActivationKind::kGelu;
  config.norm = NormKind::kLayerNorm;
  config.positions = PositionKind::kLearned;
  const auto plain = count_parameters(resolve_model(config));
  config.bias = true;
  const auto biased = count_parameters(resolve_model(config));
  EXPECT_EQ(plain.embedding, 56 + 40);
  EXPECT_EQ(plain.only_looked_up, 56 + 40);
  EXPECT_EQ(plain.feed_forward, 160);
  EXPECT_EQ(biased.attention - plain.attention, 48 + 8);
  EXPECT_EQ(biased.feed_forward - plain.feed_forward, 18);
  EXPECT_EQ(biased.norm - plain.norm, 24);
}

}  // namespace
}  // namespace llmtrain
