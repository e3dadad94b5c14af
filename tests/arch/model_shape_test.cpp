#include "lib/arch/model_shape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/arch/presets.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

ModelConfig small_sizes() { return {.layers = 2, .embed = 96, .heads = 6, .vocab = 100, .context = 32}; }

std::string fault_of(const ModelConfig& config, const ModelContext& context = {}) {
  return error_of(ExitCode::kUsage, [&] { resolve_model(config, context); });
}

TEST(ResolveModel, DerivesWhatIsNotGivenAsLlamaDoes) {
  const auto shape = resolve_model(small_sizes());
  EXPECT_EQ(shape.kv_heads, 6);
  EXPECT_EQ(shape.head_dim, 16);
  EXPECT_EQ(shape.ffn, 256);  // 8/3 of 96
  EXPECT_EQ(shape.norm, NormKind::kRmsNorm);
  EXPECT_EQ(shape.positions, PositionKind::kRotary);
  EXPECT_EQ(shape.rope_theta, 10000);
  EXPECT_EQ(shape.activation, ActivationKind::kSwiglu);
  EXPECT_FALSE(shape.tied);
  EXPECT_FALSE(shape.bias);
}

// Llama 7B: 8/3 of 4096 is 10922.67; the next multiple of 64 is 10944.
TEST(ResolveModel, RoundsTheSwigluWidthUpTo64AndTakesFourTimesForGelu) {
  auto config = small_sizes();
  config.embed = 4096;
  config.heads = 32;
  EXPECT_EQ(resolve_model(config).ffn, 10944);
  config.activation = ActivationKind::kGelu;
  EXPECT_EQ(resolve_model(config).ffn, 16384);
}

TEST(ResolveModel, BiasOfQueriesFollowsBiasUnlessGiven) {
  auto config = small_sizes();
  config.bias = true;
  EXPECT_TRUE(resolve_model(config).qkv_bias);
  config.qkv_bias = false;
  EXPECT_FALSE(resolve_model(config).qkv_bias);
}

TEST(ResolveModel, FieldsStandOnTopOfAPresetAndWhatFollowsFollows) {
  const auto shape = resolve_model({.preset = "gpt2", .embed = 384, .dropout = 0.1});
  EXPECT_EQ(shape.embed, 384);
  EXPECT_EQ(shape.head_dim, 32);  // 384 / 12
  EXPECT_EQ(shape.ffn, 1536);     // 4 * 384
  EXPECT_EQ(shape.dropout, 0.1);
  EXPECT_EQ(shape.layers, 12);
  EXPECT_EQ(shape.vocab, 50257);
  EXPECT_EQ(shape.activation, ActivationKind::kGeluTanh);
}

TEST(ResolveModel, KeepsAHeadWidthThatThePresetNames) {
  EXPECT_EQ(resolve_model({.preset = "mistral-nemo-12b"}).head_dim, 128);
  EXPECT_EQ(resolve_model({.preset = "qwen3-0.6b"}).head_dim, 128);
  EXPECT_EQ(resolve_model({.preset = "qwen3-0.6b"}).query_width(), 2048);
}

TEST(ResolveModel, TakesVocabFromTheKeyThenTheTokenizerThenThePreset) {
  EXPECT_EQ(resolve_model({.preset = "llama-2m"}).vocab, 2048);
  EXPECT_EQ(resolve_model({.preset = "llama-2m"}, {.source = "", .origins = {}, .tokenizer_vocab = 777}).vocab, 777);
  EXPECT_EQ(
      resolve_model({.preset = "llama-2m", .vocab = 1024}, {.source = "", .origins = {}, .tokenizer_vocab = 777}).vocab,
      1024);
}

TEST(ResolveModel, RefusesFewerRowsThanTheTokenizerHas) {
  EXPECT_EQ(fault_of({.preset = "llama-2m", .vocab = 700}, {.source = "", .origins = {}, .tokenizer_vocab = 777}),
            "'model.vocab': the tokenizer has 777 ids, got 700 rows; leave the key out or give at least as many");
}

TEST(ResolveModel, SuggestsThePresetThatWasMeant) {
  EXPECT_EQ(fault_of({.preset = "lama-2m"}),
            "'model.preset': unknown preset 'lama-2m'; did you mean 'llama-2m'?; `llmtrain model presets` lists them");
}

TEST(ResolveModel, ReportsEveryMissingSizeAtOnceEachWithItsName) {
  const auto message = fault_of({.heads = 4});
  for (const char* key : {"'model.layers'", "'model.embed'", "'model.context'", "'model.vocab'"}) {
    EXPECT_THAT(message, HasSubstr(key));
  }
  EXPECT_THAT(message, testing::Not(HasSubstr("'model.heads'")));
}

TEST(ResolveModel, PutsThePlaceOfTheValueFirst) {
  auto config = small_sizes();
  config.heads = 7;
  ModelContext context{.source = "a.yaml", .origins = {{"model.heads", "a.yaml:4:10"}}, .tokenizer_vocab = {}};
  const auto message = fault_of(config, context);
  EXPECT_EQ(message,
            "a.yaml:4:10: 'model.heads': embed 96 is not a multiple of heads 7; change one of them or give head_dim");
}

TEST(ResolveModel, NamesTheFileWhereAValueIsMissing) {
  ModelContext context{.source = "a.yaml", .origins = {}, .tokenizer_vocab = {}};
  EXPECT_EQ(fault_of({.layers = 2, .embed = 96, .heads = 6, .vocab = 100}, context),
            "a.yaml: 'model.context': not given, and there is no preset; add it or a preset");
  EXPECT_THAT(fault_of({}, context), testing::StartsWith("a.yaml: 'model.preset': no model is given; name a preset"));
}

TEST(ResolveModel, TakesAnyEmbedWhereTheHeadWidthIsGiven) {
  auto config = small_sizes();
  config.heads = 7;
  config.head_dim = 16;
  EXPECT_EQ(resolve_model(config).query_width(), 112);
}

TEST(ResolveModel, RefusesKvHeadsThatDoNotDivideHeads) {
  auto config = small_sizes();
  config.kv_heads = 4;
  EXPECT_EQ(fault_of(config), "'model.kv_heads': heads 6 is not a multiple of kv_heads 4");
}

TEST(ResolveModel, RefusesAnOddHeadWidthWithRotaryPositionsOnly) {
  auto config = small_sizes();
  config.head_dim = 15;
  EXPECT_EQ(fault_of(config), "'model.head_dim': rotary positions turn pairs, so expected an even head_dim, got 15");
  config.positions = PositionKind::kLearned;
  EXPECT_EQ(resolve_model(config).head_dim, 15);
}

TEST(ResolveModel, RefusesRotationWithLearnedPositionsButDropsThePresets) {
  auto config = small_sizes();
  config.positions = PositionKind::kLearned;
  config.rope_theta = 500.0;
  config.rope_scaling = RopeScaling{};
  const auto message = fault_of(config);
  EXPECT_THAT(message, HasSubstr("'model.rope_theta': has no meaning with learned positions"));
  EXPECT_THAT(message, HasSubstr("'model.rope_scaling': has no meaning with learned positions"));

  const auto shape = resolve_model({.preset = "llama-3.2-1b", .positions = PositionKind::kLearned});
  EXPECT_EQ(shape.rope_theta, 0);
  EXPECT_EQ(shape.rope_scaling, std::nullopt);
}

TEST(ResolveModel, ReportsFaultsOfDifferentKindsAtOnce) {
  const auto message =
      fault_of({.preset = "gpt2", .heads = 7, .kv_heads = 5, .rope_theta = 500.0, .rope_scaling = RopeScaling{}});
  for (const char* key : {"'model.heads'", "'model.kv_heads'", "'model.rope_theta'", "'model.rope_scaling'"}) {
    EXPECT_THAT(message, HasSubstr(key));
  }
  const auto sizes = fault_of({.preset = "gpt2", .layers = 1000000, .rope_theta = 500.0});
  EXPECT_THAT(sizes, HasSubstr("'model.layers'"));
  EXPECT_THAT(sizes, HasSubstr("'model.rope_theta'"));
}

TEST(ResolveModel, RefusesSizesBeyondReason) {
  auto config = small_sizes();
  config.embed = 600000;
  config.layers = 1000;
  EXPECT_THAT(fault_of(config), HasSubstr("'model.layers': these sizes make"));
  config.embed = std::int64_t{1} << 62;
  EXPECT_THAT(fault_of(config), HasSubstr("'model.embed': expected 1 to 1000000, got 4611686018427387904"));
  config.embed = 96;
  config.heads = 0;
  EXPECT_THAT(fault_of(config), HasSubstr("'model.heads': expected 1 to"));
}

TEST(ResolveModel, AWindowThatSeesAllIsNone) {
  auto config = small_sizes();
  config.sliding_window = 31;
  EXPECT_EQ(resolve_model(config).sliding_window, 31);
  config.sliding_window = 32;
  EXPECT_EQ(resolve_model(config).sliding_window, std::nullopt);
}

TEST(ToConfig, GivesBackTheSameShapeForEveryPreset) {
  for (const auto& preset : all_presets()) {
    const auto shape = resolve_model({.preset = preset.name});
    const auto config = to_config(shape);
    EXPECT_EQ(config.preset, std::nullopt);
    EXPECT_EQ(resolve_model(config), shape) << preset.name;
  }
}

TEST(ToConfig, SaysEveryFieldThatCanBeSaid) {
  auto config = to_config(resolve_model({.preset = "llama-3.1-8b", .sliding_window = 512}));
  int missing = 0;
  fields(config, [&](const std::string& key, const auto& member, const auto&...) {
    if (!member) {
      ++missing;
      EXPECT_EQ(key, "preset");
    }
  });
  EXPECT_EQ(missing, 1);
}

}  // namespace
}  // namespace llmtrain
