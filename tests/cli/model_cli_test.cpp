#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// 124,439,808 is what is published; 6 N + 12 L C T without the learned positions is by hand.
TEST(ModelInspect, SaysWhatAPresetIs) {
  const auto result = run_llmtrain({"model", "inspect", "gpt2", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  const auto found = json::parse(result.out);
  EXPECT_EQ(found["parameters"]["total"], 124439808);
  EXPECT_EQ(found["parameters"]["embedding"], 50257 * 768 + 1024 * 768);
  EXPECT_EQ(found["parameters"]["head"], 0);
  EXPECT_EQ(found["model"]["heads"], 12);
  EXPECT_EQ(found["model"]["hf_class"], "GPT2LMHeadModel");
  EXPECT_EQ(found["sequence"], 1024);
  EXPECT_EQ(found["training_flops_per_token"], 6.0 * (124439808 - 786432) + 12.0 * 12 * 768 * 1024);
  EXPECT_EQ(found["state_bytes"][0]["recipe"], "fp32");
  EXPECT_EQ(found["state_bytes"][0]["total"], 124439808LL * 16);
}

TEST(ModelInspect, PrintsForPeople) {
  const auto result = run_llmtrain({"model", "inspect", "llama-3.1-405b"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"126, 16,384 wide", "128 heads of 128, 8 for keys and values", "stretched 8 times from 8,192",
        "405,853,388,800", "LlamaForCausalLM", "bf16, accumulated"}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST(ModelInspect, SetChangesAPreset) {
  const auto result = run_llmtrain({"model", "inspect", "gpt2", "--set", "model.layers=1", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(json::parse(result.out)["parameters"]["total"], 124439808 - 11 * 7087872);  // 12 d^2 + 13 d a layer
  const auto typo = run_llmtrain({"model", "inspect", "gpt2", "--set", "model.layer=1"});
  EXPECT_EQ(typo.exit_code, 2);
  EXPECT_THAT(typo.err, HasSubstr("model.layers"));
}

TEST(ModelInspect, TakesAPipelineFileAndItsTokenizersSize) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", R"(model: {preset: llama-2m}
tokenizer: {train: {vocab_size: 1000}}
pretrain: {data: {train: [{path: a.txt}]}, sequence_length: 128, batch_tokens: 256, steps: 3}
)");
  const auto result = run_llmtrain({"model", "inspect", file, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto found = json::parse(result.out);
  EXPECT_EQ(found["model"]["vocab"], 1000);
  EXPECT_EQ(found["model"]["vocab_source"], "tokenizer.train.vocab_size");
  EXPECT_EQ(found["parameters"]["embedding"], 1000 * 192);
  EXPECT_EQ(found["sequence"], 128);
}

TEST(ModelInspect, ReadsTheSizeOfATokenizerThatExists) {
  const TempDir folder;
  const std::string tokenizer = LLMTRAIN_SOURCE_DIR "/tests/tokenizer/golden/gpt2.json";  // 600 ids
  const auto file = folder.write("p.yaml", "model: {preset: llama-2m}\ntokenizer: {from: " + tokenizer + "}\n");
  const auto result = run_llmtrain({"model", "inspect", file, "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto model = json::parse(result.out)["model"];
  EXPECT_EQ(model["vocab"], 600);
  EXPECT_EQ(model["vocab_source"], tokenizer);
}

TEST(ModelInspect, SuggestsThePresetThatWasMeant) {
  const auto result = run_llmtrain({"model", "inspect", "gtp2"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("unknown preset 'gtp2'; did you mean 'gpt2'?"));
}

TEST(ModelInspect, PutsFileLineAndColumnBeforeAContradiction) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", "model:\n  preset: gpt2\n  heads: 7\n");
  const auto result = run_llmtrain({"model", "inspect", file});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("p.yaml:3:"));
  EXPECT_THAT(result.err, HasSubstr("embed 768 is not a multiple of heads 7"));
}

TEST(ModelInspect, RefusesASequenceLongerThanTheContext) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", R"(model: {preset: llama-2m}
pretrain: {data: {train: [{path: a.txt}]}, sequence_length: 512, batch_tokens: 512, steps: 3}
)");
  const auto result = run_llmtrain({"model", "inspect", file});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("p.yaml:2:"));
  EXPECT_THAT(result.err, HasSubstr("expected at most the model's context of 256, got 512"));
}

TEST(ModelPresets, AreListedFromTwoMillionTo405Billion) {
  const auto result = run_llmtrain({"model", "presets", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  std::map<std::string, std::int64_t> presets;
  for (const auto& preset : json::parse(result.out)) presets[preset["name"]] = preset["parameters"];
  EXPECT_LT(presets.at("llama-2m"), 2500000);
  EXPECT_EQ(presets.at("llama-3.1-405b"), 405853388800);
  const auto text = run_llmtrain({"model", "presets"});
  for (const auto& [name, parameters] : presets) EXPECT_THAT(text.out, HasSubstr(name));
}

// What `config show` prints says everything and means the same model.
TEST(ModelInConfigShow, PrintsTheModelWholeAndReadableAgain) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", R"(model: {preset: llama-3.2-1b, layers: 2, tied: false}
pretrain: {data: {train: [{path: a.txt}]}, sequence_length: 128, batch_tokens: 256, steps: 3}
)");
  const auto shown = run_llmtrain({"config", "show", file});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("\n  embed: 2048\n"));
  EXPECT_THAT(shown.out, HasSubstr("\n  layers: 2\n"));
  EXPECT_THAT(shown.out, HasSubstr("\n    factor: 32"));
  EXPECT_THAT(shown.out, Not(HasSubstr("preset:")));
  const auto again = folder.write("again.yaml", shown.out);
  const auto first = json::parse(run_llmtrain({"model", "inspect", file, "--json"}).out);
  const auto second = json::parse(run_llmtrain({"model", "inspect", again, "--json"}).out);
  EXPECT_EQ(first["parameters"], second["parameters"]);
  auto model = second["model"];
  model["vocab_source"] = first["model"]["vocab_source"];
  EXPECT_EQ(first["model"], model);
  EXPECT_EQ(run_llmtrain({"config", "show", again}).out, shown.out);
  EXPECT_EQ(run_llmtrain({"config", "check", again}).exit_code, 0);
}

TEST(ModelInConfigShow, LeavesTheVocabularyToATokenizer) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", "model: {preset: gpt2}\ntokenizer: {train: {kind: char}}\n");
  const auto shown = run_llmtrain({"config", "show", file});
  ASSERT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("\n  embed: 768\n"));
  EXPECT_THAT(shown.out, Not(HasSubstr("\n  vocab:")));
}

TEST(ModelInConfigShow, SaysThatAValueCameFromAPreset) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", "model: {preset: gpt2, layers: 3}\n");
  const auto shown = run_llmtrain({"config", "show", "--origin", file});
  EXPECT_THAT(shown.out, testing::ContainsRegex("embed: 768 +# preset gpt2"));
  EXPECT_THAT(shown.out, testing::ContainsRegex("layers: 3 +# .*p.yaml:1:"));
}

TEST(ModelInConfigCheck, KnowsThePresets) {
  const TempDir folder;
  const auto file = folder.write("p.yaml", "model: {preset: gpt3}\n");
  const auto result = run_llmtrain({"config", "check", file});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("unknown preset 'gpt3'; did you mean 'gpt2'?"));
}

}  // namespace
}  // namespace llmtrain
