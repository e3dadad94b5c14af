#include "lib/generate/trained_model.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "lib/tokenizer/tokenizer_spec.h"
#include "tests/interop/golden_export.h"
#include "tests/model/tiny_model.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One character a token, and where asked for a special one behind them.
Tokenizer tokenizer_of(std::size_t characters, bool end) {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kChar;
  for (std::size_t i = 0; i < characters; ++i) {
    spec.tokens.push_back({.bytes = std::string(1, static_cast<char>('0' + i)), .in_model = true});
  }
  if (end) {
    const auto id = static_cast<std::uint32_t>(spec.tokens.size());
    spec.tokens.push_back({.bytes = "<|end|>", .in_model = false});
    spec.added_tokens.push_back({.id = id, .content = "<|end|>"});
  }
  return Tokenizer(std::move(spec));
}

void write_model(const std::filesystem::path& folder, const GoldenModel& golden, const Tokenizer& tokenizer,
                 const HfTokens& tokens = {}) {
  auto made = export_of(golden);
  made.tokenizer = &tokenizer;
  made.tokens = tokens;
  write_hf_folder(folder, made);
}

class OpenTrainedModel : public testing::TestWithParam<std::string> {};

// Logits of transformers.
TEST_P(OpenTrainedModel, ComputesWhatTransformersDoes) {
  const OneThread one_thread;
  const TempDir folder;
  const auto golden = golden_model(GetParam());
  write_model(folder / "model", golden, tokenizer_of(60, true));
  const auto model = open_trained_model(folder / "model", at::kFloat);
  const auto rows = golden.json.at("ids").get<std::vector<TokenIds>>();
  const auto logits = logits_of(*model.decoder, input_of(rows));
  for (std::size_t i = 0; i < golden.json.at("positions").size(); ++i) {
    const auto position = golden.json.at("positions")[i].get<std::int64_t>();
    const auto expected = at::tensor(golden.json.at("logits")[0][i].get<std::vector<double>>(), at::kDouble);
    EXPECT_LE(largest_error(logits[position], expected), 1e-5) << position;
  }
  EXPECT_EQ(model.shape, golden.shape);
}

INSTANTIATE_TEST_SUITE_P(Models, OpenTrainedModel, testing::ValuesIn(golden_model_names()), golden_test_name);

TEST(TrainedModel, HasNoGradients) {
  const TempDir folder;
  write_model(folder / "model", golden_model("llama-gqa"), tokenizer_of(60, true));
  const auto model = open_trained_model(folder / "model", at::kBFloat16);
  EXPECT_FALSE(model.decoder->head().trains());
  EXPECT_EQ(model.decoder->head().value.scalar_type(), at::kBFloat16);
  EXPECT_FALSE(model.decoder->hidden(input_of({{1, 2, 3}})).requires_grad());
}

TEST(TrainedModel, EndsWhereTheFolderSaysElseWhereTheTokenizerDoes) {
  const TempDir folder;
  const auto golden = golden_model("llama-gqa");
  write_model(folder / "told", golden, tokenizer_of(60, true), {.bos = {}, .eos = {3, 7}, .pad = {}});
  EXPECT_THAT(open_trained_model(folder / "told", at::kFloat).end_ids, ElementsAre(3, 7));
  write_model(folder / "tokenizer", golden, tokenizer_of(60, true));
  EXPECT_THAT(open_trained_model(folder / "tokenizer", at::kFloat).end_ids, ElementsAre(60));
  write_model(folder / "nothing", golden, tokenizer_of(61, false));
  EXPECT_THAT(open_trained_model(folder / "nothing", at::kFloat).end_ids, IsEmpty());
}

TEST(TrainedModel, RefusesATokenizerWithMoreIdsThanTheModel) {
  const TempDir folder;
  write_model(folder / "model", golden_model("llama-gqa"), tokenizer_of(61, false));
  std::filesystem::remove(folder / "model/tokenizer.json");
  folder.write("model/tokenizer.json", tokenizer_of(61, true).to_json());
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { open_trained_model(folder / "model", at::kFloat); }),
              HasSubstr("the tokenizer has 62 ids, expected at most the 61"));
}

}  // namespace
}  // namespace llmtrain
