#include "lib/interop/hf_tokenizer_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "lib/arch/parameter_table.h"
#include "lib/tokenizer/tokenizer_trainer.h"
#include "tests/interop/golden_export.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

Tokenizer golden_tokenizer(const std::string& name) {
  return Tokenizer::load(fs::path(LLMTRAIN_SOURCE_DIR) / "tests/tokenizer/golden" / (name + ".json"));
}

Tokenizer char_tokenizer() {
  TokenizerTrainConfig config;
  config.kind = TokenizerKind::kChar;
  config.special_tokens = {"<|endoftext|>", "<unk>"};
  int left = 1;
  return Tokenizer(train_tokenizer(config, [&](std::string& document) {
                     document = "Hello, world!\n";
                     return left-- > 0;
                   }).spec);
}

Tokenizer tokenizer_named(const std::string& name) {
  return name == "char" ? char_tokenizer() : golden_tokenizer(name);
}

constexpr const char* kTemplate = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}";

// Keys as PreTrainedTokenizerFast.save_pretrained of transformers 4 writes them.
TEST(HfTokenizerFiles, NameTheTokensByTheirContent) {
  const auto tokenizer = golden_tokenizer("llama3");
  ASSERT_EQ(tokenizer.added_tokens().size(), 2U);
  HfTokenizerFacts facts;
  facts.tokens.bos = 0;
  facts.tokens.eos = {0, 1};
  facts.tokens.pad = 1;
  facts.context = 128;
  facts.chat_template = kTemplate;
  EXPECT_EQ(nlohmann::json::parse(hf_tokenizer_config_json(tokenizer, facts)), nlohmann::json::parse(R"({
    "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 128, "clean_up_tokenization_spaces": false,
    "added_tokens_decoder": {
      "0": {"content": "<|endoftext|>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false,
            "special": true},
      "1": {"content": "<|pad|>", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false,
            "special": true}},
    "bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "pad_token": "<|pad|>",
    "chat_template": "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"})"));
  HfTokens pad_ends;
  pad_ends.eos = {1};
  EXPECT_EQ(nlohmann::json::parse(hf_special_tokens_map_json(tokenizer, pad_ends)),
            nlohmann::json::parse(R"({"eos_token": "<|pad|>"})"));
}

TEST(HfTokenizerFiles, NameWhatStandsForUnknownCharacters) {
  const auto tokenizer = char_tokenizer();
  EXPECT_EQ(nlohmann::json::parse(hf_special_tokens_map_json(tokenizer, {})),
            nlohmann::json::parse(R"({"unk_token": "<unk>"})"));
}

// Kept folders are read by check_export.py, which compares the ids of transformers' tokenizer.
TEST(HfTokenizerFiles, StandInTheFolderAndGiveTheTokenizerBack) {
  const TempDir dir;
  for (const auto& [tokenizer_name, preset] : {std::pair{"gpt2", "gpt2"},
                                               {"llama3", "llama-3.2-1b"},
                                               {"qwen2", "qwen2.5-0.5b"},
                                               {"qwen2", "qwen3-0.6b"},
                                               {"llama3", "mistral-7b-v0.1"},
                                               {"char", "nanogpt-shakespeare-cpu"}}) {
    const auto tokenizer = tokenizer_named(tokenizer_name);
    HfExport made;
    made.shape = resolve_model({.preset = preset,
                                .layers = 1,
                                .embed = 16,
                                .heads = 2,
                                .kv_heads = 2,
                                .head_dim = 8,
                                .ffn = 16,
                                .vocab = static_cast<std::int64_t>(tokenizer.vocab_size()) + 3,
                                .context = 32});
    std::vector<float> zeros;
    std::map<std::string, std::int64_t> sizes;
    for (const auto& parameter : parameter_table(made.shape)) sizes[parameter.name] = parameter.elements();
    made.weights = [&](const std::string& parameter) {
      zeros.assign(static_cast<std::size_t>(sizes.at(parameter)), 0.0F);
      return std::span<const float>(zeros);
    };
    made.tokenizer = &tokenizer;
    const auto end = *tokenizer.end_of_document();
    made.tokens.bos = made.tokens.pad = end;
    made.tokens.eos = {end};
    made.chat_template = kTemplate;
    const std::string name = fmt::format("tokenizer-{}-{}", tokenizer_name, preset);
    write_hf_folder(dir / name, made);
    keep_export(name, made);
    EXPECT_EQ(Tokenizer::load(dir / name).hash(), tokenizer.hash()) << name;
    EXPECT_EQ(slurp(dir / name / "chat_template.jinja"), kTemplate);
    EXPECT_EQ(
        names_in(dir / name),
        (std::vector<std::string>{"chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
                                  "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"}));
  }
}

// transformers 5.24, tokenization_auto.py: model type qwen2 gets Qwen2Tokenizer, which has its own pre-tokenizer,
// whatever tokenizer_config.json says; seen with check_export.py on such a folder.
TEST(HfTokenizerFiles, WarnWhereTransformersWouldCutTextOtherwise) {
  const auto warnings = [](const std::string& tokenizer_name, const std::string& preset) {
    const auto tokenizer = tokenizer_named(tokenizer_name);
    return hf_tokenizer_warnings(tokenizer, resolve_model({.preset = preset}));
  };
  EXPECT_EQ(warnings("qwen2", "qwen2.5-0.5b").size(), 0U);
  EXPECT_EQ(warnings("llama3", "qwen3-0.6b").size(), 0U);
  EXPECT_EQ(warnings("gpt2", "llama-2m").size(), 0U);
  ASSERT_EQ(warnings("llama3", "qwen2.5-0.5b").size(), 1U);
  EXPECT_THAT(warnings("llama3", "qwen2.5-0.5b").front(),
              testing::AllOf(testing::HasSubstr("pattern llama3"), testing::HasSubstr("PreTrainedTokenizerFast")));
  EXPECT_EQ(warnings("char", "qwen2.5-0.5b").size(), 1U);
}

}  // namespace
}  // namespace llmtrain
