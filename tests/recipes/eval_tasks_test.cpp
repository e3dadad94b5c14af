#include <cmath>
#include <numbers>

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "lib/recipes/eval_choices.h"
#include "lib/recipes/eval_matches.h"
#include "lib/recipes/eval_perplexity.h"
#include "lib/tokenizer/tokenizer_spec.h"
#include "tests/interop/golden_export.h"
#include "tests/model/plain_decoder.h"
#include "tests/model/tiny_model.h"

// What tasks make of a tiny model, against a decoder of LibTorch's operators alone, in double.
namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int kCharacters = 60;  // '0' to 'k', ids from 0
constexpr std::int32_t kEnd = 60;
constexpr std::size_t kContext = 32;

Tokenizer character_tokenizer() {
  TokenizerSpec spec;
  spec.kind = TokenizerKind::kChar;
  for (int i = 0; i < kCharacters; ++i) {
    spec.tokens.push_back({.bytes = std::string(1, static_cast<char>('0' + i)), .in_model = true});
  }
  spec.tokens.push_back({.bytes = "<|end|>", .in_model = false});
  spec.added_tokens.push_back({.id = kEnd, .content = "<|end|>"});
  return Tokenizer(std::move(spec));
}

TokenIds ids_of(const std::string& text) {
  TokenIds ids;
  for (const char c : text) ids.push_back(c - '0');
  return ids;
}

std::string some_text(std::size_t length, std::uint64_t seed) {
  std::string text;
  for (const auto id : some_ids(length, seed)) text += static_cast<char>('0' + id % kCharacters);
  return text;
}

class EvalTasks : public testing::Test {
 protected:
  EvalTasks() : golden_(golden_model("llama-gqa")), model_(open()) {}

  TrainedModel open() const {
    auto made = export_of(golden_);
    const auto tokenizer = character_tokenizer();
    made.tokenizer = &tokenizer;
    write_hf_folder(folder_ / "model", made);
    return open_trained_model(folder_ / "model", at::kFloat);
  }

  // Log-probability of the id at `at`, given those before it.
  double logprob(const TokenIds& ids, std::size_t at) const {
    const TokenIds inputs(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(at));
    const auto logits = plain_.logits(input_of({inputs}));
    return logits[static_cast<std::int64_t>(at) - 1].log_softmax(0)[ids[at]].item<double>();
  }
  double logprob_behind(const std::string& prompt, const std::string& text) const {
    const auto ids = ids_of(prompt + text);
    double sum = 0;
    for (std::size_t i = prompt.size(); i < ids.size(); ++i) sum += logprob(ids, i);
    return sum;
  }
  // What the likeliest ids say, up to the end or this many.
  std::string likeliest(const std::string& prompt, int tokens) const {
    auto ids = ids_of(prompt);
    std::string text;
    for (int i = 0; i < tokens; ++i) {
      const auto logits = plain_.logits(input_of({ids}));
      ids.push_back(static_cast<std::int32_t>(logits[logits.size(0) - 1].argmax().item<std::int64_t>()));
      if (ids.back() == kEnd) break;
      text += static_cast<char>('0' + ids.back());
    }
    return text;
  }

  const OneThread one_thread_;
  TempDir folder_;
  GoldenModel golden_;
  TrainedModel model_;
  PlainDecoder plain_ = plain_decoder(model_.shape, *model_.store, at::kDouble);
  EvalRequest request_{.model = {}, .log = Log(LogLevel::kQuiet), .progress = ProgressMode::kOff};
  EvalSubject subject_{.model = model_, .request = request_, .batch_tokens = 50};
};

// --- perplexity ---

TEST_F(EvalTasks, PerplexityIsThatOfEveryTokenButTheFirstAndOfTheEnd) {
  const std::vector<std::string> documents = {some_text(29, 1), some_text(4, 2), some_text(1, 3)};
  std::string lines;
  for (const auto& text : documents) lines += nlohmann::json{{"body", text}}.dump() + "\n";
  PerplexityTask task;
  task.path = folder_.write("held.jsonl", lines).string();
  task.field = "body";
  task.context = 8;
  task.stride = 3;
  double loss = 0;
  for (const auto& text : documents) {
    auto ids = ids_of(text);
    ids.push_back(kEnd);
    for (std::size_t t = 1; t < ids.size(); ++t) {
      // The first window, 3 further each time, that reaches token t from 8 tokens.
      const std::size_t begin = t <= 8 ? 0 : (t - 8 + 2) / 3 * 3;
      const TokenIds window(ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.end());
      loss -= logprob(window, t - begin);
    }
  }
  const auto report = evaluate_perplexity(subject_, task);
  EXPECT_EQ(report.name, "held");
  EXPECT_EQ(report.kind, "perplexity");
  EXPECT_THAT(report.facts, ElementsAre(std::pair("tokens", 29 + 4 + 1), std::pair("bytes", 28 + 3),
                                        std::pair("documents", 3), std::pair("context", 8), std::pair("stride", 3)));
  ASSERT_EQ(report.metrics.size(), 3U);
  EXPECT_NEAR(report.metrics[0].value, loss / 34, 1e-5);
  EXPECT_NEAR(report.metrics[1].value, std::exp(loss / 34), 1e-3);
  EXPECT_NEAR(report.metrics[2].value, loss / 31 / std::numbers::ln2, 1e-5);
  EXPECT_EQ(report.metrics[2].name, "bits_per_byte");
}

TEST_F(EvalTasks, PerplexityTakesTheModelsContextAndHalfOfItAsStride) {
  PerplexityTask task;
  task.path = folder_.write("a.txt", some_text(10, 1) + "|" + some_text(9, 2)).string();
  task.document_separator = "|";
  task.name = "two documents";
  const auto report = evaluate_perplexity(subject_, task);
  EXPECT_EQ(report.name, "two documents");
  EXPECT_THAT(report.facts,
              ElementsAre(std::pair("tokens", 10 + 9), std::pair("bytes", 9 + 8), std::pair("documents", 2),
                          std::pair("context", kContext), std::pair("stride", kContext / 2)));
}

TEST_F(EvalTasks, PerplexityRefusesWhatDoesNotFitTheModel) {
  PerplexityTask task;
  task.path = folder_.write("a.txt", "012").string();
  task.context = 33;
  EXPECT_THAT(
      error_of(ExitCode::kUsage, [&] { evaluate_perplexity(subject_, task); }),
      HasSubstr("eval.perplexity: a: expected a stride of at most context, and that of at most the model's 32"));
  task.context.reset();
  task.path = folder_.write("a.bin", std::string("\1\0\2\0", 4)).string();
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { evaluate_perplexity(subject_, task); }),
              HasSubstr("a.bin: holds token ids"));
}

// --- multiple choice ---

std::size_t highest(const std::vector<double>& scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

TEST_F(EvalTasks, ChoicesAreJudgedByLogLikelihoodAndByItsShareOfAByte) {
  MultipleChoiceTask task;
  task.path = "q.jsonl";
  task.separator = "=";
  std::vector<ChoiceQuestion> questions;
  std::int64_t hits = 0;
  std::int64_t hits_a_byte = 0;
  std::int64_t differ = 0;
  for (std::uint64_t q = 0; q < 9; ++q) {
    ChoiceQuestion question{.place = "q", .prompt = some_text(3 + q, 10 + q), .choices = {}, .answer = 0};
    std::vector<double> sums;
    std::vector<double> a_byte;
    for (std::size_t c = 0; c < 2 + q % 3; ++c) {
      question.choices.push_back(some_text(1 + (q + 2 * c) % 5, 100 + 7 * q + c));
      sums.push_back(logprob_behind(question.prompt, "=" + question.choices.back()));
      a_byte.push_back(sums.back() / static_cast<double>(question.choices.back().size()));
    }
    question.answer = q % 3 == 0 ? highest(sums) : q % 3 == 1 ? highest(a_byte) : (highest(sums) + 1) % sums.size();
    hits += highest(sums) == question.answer ? 1 : 0;
    hits_a_byte += highest(a_byte) == question.answer ? 1 : 0;
    differ += highest(sums) != highest(a_byte) ? 1 : 0;
    questions.push_back(std::move(question));
  }
  ASSERT_GT(differ, 0) << "the two ways of judging do not differ in this test";
  const auto report = evaluate_choices(subject_, task, questions);
  ASSERT_EQ(report.metrics.size(), 2U);
  EXPECT_EQ(report.metrics[0].name, "acc");
  EXPECT_DOUBLE_EQ(report.metrics[0].value, static_cast<double>(hits) / 9);
  EXPECT_EQ(report.metrics[1].name, "acc_norm");
  EXPECT_DOUBLE_EQ(report.metrics[1].value, static_cast<double>(hits_a_byte) / 9);
  const double p = static_cast<double>(hits) / 9;
  EXPECT_DOUBLE_EQ(report.metrics[0].error.value(), std::sqrt(p * (1 - p) / 8));
  EXPECT_THAT(report.facts, ElementsAre(std::pair("questions", 9), std::pair("shortened", 0)));
}

TEST_F(EvalTasks, ChoicesLoseThePromptsBeginningWhereItIsTooLong) {
  MultipleChoiceTask task;
  task.separator = "";
  const auto prompt = some_text(50, 4);
  const std::vector<std::string> choices = {some_text(3, 5), some_text(3, 6), some_text(3, 8)};
  std::vector<double> sums;
  // 32 ids to predict from and one more: 30 of the prompt.
  for (const auto& choice : choices) sums.push_back(logprob_behind(prompt.substr(20), choice));
  for (std::size_t answer = 0; answer < 3; ++answer) {
    const auto report =
        evaluate_choices(subject_, task, {{.place = "q", .prompt = prompt, .choices = choices, .answer = answer}});
    EXPECT_EQ(report.metrics[0].value, answer == highest(sums) ? 1.0 : 0.0);
    EXPECT_FALSE(report.metrics[0].error);
    EXPECT_THAT(report.facts, ElementsAre(std::pair("questions", 1), std::pair("shortened", 1)));
  }
}

TEST_F(EvalTasks, ChoicesThatCannotBeJudgedNameTheirLine) {
  MultipleChoiceTask task;
  task.separator = "";
  const auto fault_of = [&](const ChoiceQuestion& question) {
    return error_of(ExitCode::kInput, [&] { evaluate_choices(subject_, task, {question}); });
  };
  EXPECT_EQ(fault_of({.place = "q.jsonl:7", .prompt = "0", .choices = {"1", some_text(33, 1)}, .answer = 0}),
            "q.jsonl:7: choice 1: has 33 tokens, expected at most the 32 of the model's context");
}

// --- exact match ---

TEST_F(EvalTasks, MatchesCompareWhatTheLikeliestTokensSay) {
  ExactMatchTask task;
  task.path = "m.jsonl";
  task.max_tokens = 6;
  std::vector<MatchQuestion> questions;
  for (std::uint64_t q = 0; q < 5; ++q) {
    const auto prompt = some_text(4 + q, 30 + q);
    const auto said = likeliest(prompt, 6);
    questions.push_back({.place = "m", .prompt = prompt, .answer = q < 3 ? said : said + "x"});
  }
  auto report = evaluate_matches(subject_, task, questions);
  ASSERT_EQ(report.metrics.size(), 1U);
  EXPECT_EQ(report.metrics[0].name, "exact_match");
  EXPECT_DOUBLE_EQ(report.metrics[0].value, 0.6);
  EXPECT_THAT(report.facts,
              ElementsAre(std::pair("questions", 5), std::pair("unmatched", 0), std::pair("shortened", 0)));
  // The first two characters alone.
  task.pattern = "^..";
  EXPECT_DOUBLE_EQ(evaluate_matches(subject_, task, questions).metrics[0].value, 1);
  task.pattern = "é";
  report = evaluate_matches(subject_, task, questions);
  EXPECT_DOUBLE_EQ(report.metrics[0].value, 0);
  EXPECT_EQ(report.facts[1], std::pair(std::string("unmatched"), std::int64_t{5}));
}

TEST_F(EvalTasks, MatchesEndAtStopTextsAndCutPromptsToLeaveRoom) {
  ExactMatchTask task;
  task.max_tokens = 6;
  const auto prompt = some_text(40, 50);
  const auto said = likeliest(prompt.substr(40 - 26), 6);
  ASSERT_GE(said.size(), 3U);
  task.stop = {said.substr(2, 1)};
  const auto cut = said.substr(0, said.find(task.stop[0]));
  if (cut.empty()) GTEST_SKIP() << "the model says one character for ever";
  const auto report = evaluate_matches(subject_, task, {{.place = "m", .prompt = prompt, .answer = cut}});
  EXPECT_DOUBLE_EQ(report.metrics[0].value, 1);
  EXPECT_EQ(report.facts[2], std::pair(std::string("shortened"), std::int64_t{1}));
}

TEST_F(EvalTasks, MatchesNeedRoomForAPrompt) {
  ExactMatchTask task;
  task.path = "m.jsonl";
  task.max_tokens = 32;
  EXPECT_THAT(error_of(ExitCode::kUsage,
                       [&] { evaluate_matches(subject_, task, {{.place = "m", .prompt = "0", .answer = "1"}}); }),
              HasSubstr("eval.exact_match: m: 'max_tokens': expected less than the 32 of the model's context, got 32"));
}

TEST(TaskName, IsItsOwnOrThatOfItsFiles) {
  EXPECT_EQ(task_name("sums", "a/b.jsonl"), "sums");
  EXPECT_EQ(task_name({}, "a/b.jsonl.gz"), "b");
  EXPECT_EQ(task_name({}, "a/*.jsonl"), "a/*.jsonl");
  EXPECT_EQ(task_name({}, "a/b/"), "a/b/");
}

}  // namespace
}  // namespace llmtrain
