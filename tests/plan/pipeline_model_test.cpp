#include "lib/plan/pipeline_model.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

const std::string kGolden = LLMTRAIN_SOURCE_DIR "/tests/tokenizer/golden/";
constexpr const char* kStage =
    "pretrain: {data: {train: [{path: a.txt}]}, sequence_length: 64, batch_tokens: 64, steps: 1}\n";

Pipeline read(const std::string& text) {
  const TempDir folder;
  return load_pipeline(folder.write("p.yaml", text));
}

PipelineModel resolve(const std::string& text) { return resolve_pipeline_model(read(text), "p.yaml"); }

TEST(ResolvePipelineModel, TakesTheVocabularyFromTheNearestPlace) {
  EXPECT_EQ(resolve("model: {preset: gpt2}\n").shape.vocab, 50257);
  EXPECT_EQ(resolve("model: {preset: gpt2}\n").vocab_source, "preset");
  const auto learnt = resolve("model: {preset: gpt2}\ntokenizer: {train: {vocab_size: 1000}}\n");
  EXPECT_EQ(learnt.shape.vocab, 1000);
  EXPECT_EQ(learnt.vocab_source, "tokenizer.train.vocab_size");
  const auto given = resolve("model: {preset: gpt2, vocab: 1024}\ntokenizer: {train: {vocab_size: 1000}}\n");
  EXPECT_EQ(given.shape.vocab, 1024);
  EXPECT_EQ(given.vocab_source, "model.vocab");
  const auto read_in = resolve("model: {preset: gpt2}\ntokenizer: {from: " + kGolden + "gpt2.json}\n");
  EXPECT_EQ(read_in.shape.vocab, 600);
  EXPECT_EQ(read_in.vocab_source, kGolden + "gpt2.json");
}

TEST(ResolvePipelineModel, RefusesFewerRowsThanTheTokenizerHasIds) {
  EXPECT_THAT(error_of(ExitCode::kUsage,
                       [] { resolve("model: {preset: gpt2, vocab: 999}\ntokenizer: {train: {vocab_size: 1000}}\n"); }),
              HasSubstr("vocab"));
  EXPECT_THAT(
      error_of(ExitCode::kUsage,
               [] { resolve("model: {preset: gpt2, vocab: 599}\ntokenizer: {from: " + kGolden + "gpt2.json}\n"); }),
      HasSubstr("vocab"));
}

TEST(CompleteModel, SaysEverythingInPlaceOfThePreset) {
  auto pipeline = read(std::string("model: {preset: gpt2, layers: 3}\n") + kStage);
  complete_model(pipeline, "p.yaml");
  const auto& model = pipeline.config.model;
  EXPECT_FALSE(model.preset);
  EXPECT_EQ(model.layers, 3);
  EXPECT_EQ(model.embed, 768);
  EXPECT_EQ(model.vocab, 50257);
  EXPECT_EQ(pipeline.origins.at("model.embed"), "preset gpt2");
  EXPECT_THAT(pipeline.origins.at("model.layers"), HasSubstr("p.yaml:1:"));
}

TEST(CompleteModel, LeavesTheVocabularyToTheTokenizer) {
  auto pipeline = read(std::string("model: {preset: gpt2}\ntokenizer: {train: {kind: char}}\n") + kStage);
  complete_model(pipeline, "p.yaml");
  EXPECT_FALSE(pipeline.config.model.vocab);
  EXPECT_EQ(pipeline.config.model.embed, 768);
}

TEST(CompleteModel, NeedsAModelOnlyForAStage) {
  auto none = read("tokenizer: {train: {}}\n");
  complete_model(none, "p.yaml");
  EXPECT_FALSE(none.config.model.embed);
  EXPECT_THAT(error_of(ExitCode::kUsage,
                       [] {
                         auto pipeline = read(kStage);
                         complete_model(pipeline, "p.yaml");
                       }),
              HasSubstr("no model is given"));
}

Pipeline load_pretrain(const std::string& text) {
  const TempDir folder;
  return load_pretrain_pipeline(folder.write("p.yaml", text), {});
}

TEST(LoadPretrainPipeline, MakesTheModelWhole) {
  const auto pipeline = load_pretrain(std::string("model: {preset: gpt2}\ntokenizer: {train: {}}\n") + kStage);
  EXPECT_EQ(pipeline.config.model.embed, 768);
}

TEST(LoadPretrainPipeline, NamesEverythingThatTheStageLacks) {
  const auto faults = error_of(ExitCode::kUsage, [] { load_pretrain("model: {preset: gtp2}\n"); });
  for (const char* part :
       {"p.yaml: missing key 'pretrain'", "p.yaml: missing key 'tokenizer'", "did you mean 'gpt2'"}) {
    EXPECT_THAT(faults, HasSubstr(part));
  }
}

TEST(LoadPretrainPipeline, NamesWhatItLacksBesideATypo) {
  const auto faults =
      error_of(ExitCode::kUsage, [] { load_pretrain(std::string("run: {sed: 1}\nmodel: {preset: gpt2}\n") + kStage); });
  EXPECT_THAT(faults, HasSubstr("did you mean 'run.seed'?"));
  EXPECT_THAT(faults, HasSubstr("missing key 'tokenizer'"));
}

TEST(LoadPretrainPipeline, RefusesAGpuAndAModelThatNoClassComputes) {
  const auto fault = [&](const std::string& head) {
    return error_of(ExitCode::kUsage,
                    [&] { load_pretrain(head + "tokenizer: {train: {vocab_size: 300}}\n" + kStage); });
  };
  EXPECT_THAT(fault("run: {device: cuda}\nmodel: {preset: gpt2}\n"), HasSubstr("'run.device'"));
  EXPECT_THAT(fault("model: {preset: gpt2, norm: rms_norm}\n"), HasSubstr("no transformers class"));
}

TEST(LeastModel, HasOneIdWhereOnlyTheTextWillSay) {
  const auto shape_of = [](const std::string& tokenizer) {
    return least_model(load_pretrain("model: {preset: gpt2}\ntokenizer: " + tokenizer + "\n" + kStage), "p.yaml");
  };
  EXPECT_EQ(shape_of("{train: {kind: char}}").vocab, 1);
  EXPECT_EQ(shape_of("{train: {vocab_size: 1000}}").vocab, 1000);
  EXPECT_EQ(shape_of("{from: " + kGolden + "gpt2.json}").vocab, 600);
}

}  // namespace
}  // namespace llmtrain
