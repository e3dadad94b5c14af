#include "lib/train/token_scores.h"

#include <numeric>

#include <gmock/gmock.h>

#include "tests/model/tiny_model.h"

// Against transformers: golden/token_scores.json, made by scripts/fixtures/make_score_goldens.py.
namespace llmtrain {
namespace {

const nlohmann::json& golden_scores() {
  static const auto json =
      nlohmann::json::parse(slurp(LLMTRAIN_SOURCE_DIR "/tests/train/golden/token_scores.json")).at("models");
  return json;
}

const auto kGoOn = [] { return false; };

using Logprobs = std::vector<std::vector<float>>;

Logprobs scores_of(const Decoder& decoder, const std::vector<TokenRun>& runs, std::int64_t batch_tokens) {
  Logprobs all;
  std::size_t given = 0;
  score_runs(decoder, {.next = [&]() -> std::optional<TokenRun> {
                         if (given == runs.size()) return std::nullopt;
                         return runs[given++];
                       },
                       .scored =
                           [&](const TokenRun& run, std::span<const float> logprobs) {
                             EXPECT_EQ(run.ids, runs[all.size()].ids) << "in order";
                             all.emplace_back(logprobs.begin(), logprobs.end());
                           },
                       .stop = kGoOn,
                       .batch_tokens = batch_tokens});
  return all;
}

std::vector<TokenRun> runs_of(const nlohmann::json& golden) {
  TextWindows windows(golden.at("context"), golden.at("stride"));
  windows.add(golden.at("ids").get<std::vector<std::uint32_t>>());
  windows.end_document();
  std::vector<TokenRun> runs;
  while (auto run = windows.next()) runs.push_back(*std::move(run));
  return runs;
}

class TokenScores : public testing::TestWithParam<std::string> {};

TEST_P(TokenScores, OfLongDocumentsAreThoseOfTransformers) {
  const OneThread one_thread;
  const TinyModel model(GetParam());
  for (const auto& golden : golden_scores().at(GetParam()).at("windows")) {
    double loss = 0;
    std::int64_t tokens = 0;
    for (const auto& run : scores_of(model.decoder, runs_of(golden), 40)) {
      tokens += std::ssize(run);
      for (const float logprob : run) loss -= static_cast<double>(logprob);
    }
    EXPECT_EQ(tokens, golden.at("tokens"));
    EXPECT_NEAR(loss, golden.at("loss").get<double>(), 1e-4) << golden.at("context") << " " << golden.at("stride");
  }
}

TEST_P(TokenScores, OfChoicesAreThoseOfTransformersHoweverTheyArePacked) {
  const OneThread one_thread;
  const TinyModel model(GetParam());
  std::vector<TokenRun> runs;
  const auto& choices = golden_scores().at(GetParam()).at("choices");
  for (const auto& golden : choices)
    runs.push_back(
        {.ids = golden.at("ids").get<std::vector<std::int32_t>>(), .first = golden.at("first").get<std::size_t>()});
  for (const std::int64_t batch_tokens : {1, 12, 1000}) {
    const auto scores = scores_of(model.decoder, runs, batch_tokens);
    ASSERT_EQ(scores.size(), choices.size());
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const auto expected = choices[i].at("logprobs").get<std::vector<double>>();
      ASSERT_EQ(scores[i].size(), expected.size());
      for (std::size_t t = 0; t < expected.size(); ++t) {
        EXPECT_NEAR(static_cast<double>(scores[i][t]), expected[t], 1e-4) << i << " " << t << " " << batch_tokens;
      }
    }
  }
}

std::vector<std::string> scored_models() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : golden_scores().items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Models, TokenScores, testing::ValuesIn(scored_models()), golden_test_name);

TEST(ScoreRuns, HasNothingToDoWithoutARun) {
  const TinyModel model("gpt2");
  EXPECT_THAT(scores_of(model.decoder, {}, 8), testing::IsEmpty());
}

TEST(ScoreRuns, EndsBetweenForwardsWhereItIsAskedTo) {
  const TinyModel model("gpt2");
  int scored = 0;
  const auto message = error_of(ExitCode::kRequeue, [&] {
    score_runs(model.decoder, {.next =
                                   [] {
                                     return TokenRun{.ids = {1, 2, 3}, .first = 1};
                                   },
                               .scored = [&](const TokenRun&, std::span<const float>) { ++scored; },
                               .stop = [&] { return scored >= 4; },
                               .batch_tokens = 4});
  });
  EXPECT_THAT(message, testing::HasSubstr("stopped"));
  EXPECT_EQ(scored, 4) << "two runs of two tokens a forward";
}

TEST(ScoreRuns, RefusesIdsBeyondTheVocabularyAndRunsBeyondTheContext) {
  const TinyModel model("gpt2");
  EXPECT_THROW(scores_of(model.decoder, {{.ids = {1, 61}, .first = 1}}, 8), InternalError);
  EXPECT_THROW(scores_of(model.decoder, {{.ids = {-1, 2}, .first = 1}}, 8), InternalError);
  EXPECT_THROW(scores_of(model.decoder, {{.ids = std::vector<std::int32_t>(34, 1), .first = 1}}, 8), InternalError);
  EXPECT_THROW(scores_of(model.decoder, {{.ids = {1, 2}, .first = 2}}, 8), InternalError);
}

}  // namespace
}  // namespace llmtrain
