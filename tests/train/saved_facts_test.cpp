#include <map>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/train/progress_state.h"
#include "lib/train/run_facts.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

ProgressState worked_progress() {
  return {.step = 12345678901,
          .tokens = 9007199254740995,  // no double holds it
          .optimizer_steps = 12345678890,
          .skipped = 11,
          .cursor = "98765",
          .guard = "{\"window\":[0.1]}",
          .events_done = false,
          .best_loss = 0.1 + 0.2,
          .best_step = 77,
          .stale_evaluations = 3,
          .seconds = 1.0 / 3,
          .window_loss = 1e-310,
          .window_grad_norm = 1.7976931348623157e308,
          .window_steps = 9};
}

RunFacts worked_facts() {
  return {.config = "run: {name: \"q\\\"\u00e4\"}\n\tpretrain:",
          .data_fingerprint = "d",
          .tokenizer_hash = "t",
          .vocab = 50257,
          .micro_rows = 4,
          .threads = 7,
          .precision = "bf16",
          .kernels = "avx512",
          .libtorch = "2.13.0",
          .llmtrain = "0.1.0"};
}

void expect_equal(const ProgressState& a, const ProgressState& b) {
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(a.optimizer_steps, b.optimizer_steps);
  EXPECT_EQ(a.skipped, b.skipped);
  EXPECT_EQ(a.cursor, b.cursor);
  EXPECT_EQ(a.guard, b.guard);
  EXPECT_EQ(a.events_done, b.events_done);
  EXPECT_EQ(a.best_loss, b.best_loss);
  EXPECT_EQ(a.best_step, b.best_step);
  EXPECT_EQ(a.stale_evaluations, b.stale_evaluations);
  EXPECT_EQ(a.seconds, b.seconds);
  EXPECT_EQ(a.window_loss, b.window_loss);
  EXPECT_EQ(a.window_grad_norm, b.window_grad_norm);
  EXPECT_EQ(a.window_steps, b.window_steps);
}

TEST(ProgressState, ComesBackBitForBit) {
  expect_equal(progress_from_json(to_json(worked_progress()), "here"), worked_progress());
  auto without = worked_progress();
  without.best_loss.reset();
  without.events_done = true;
  expect_equal(progress_from_json(to_json(without), "here"), without);
}

TEST(RunFacts, ComeBackWithTheProgress) {
  const auto facts = facts_from_json(with_progress(to_json(worked_facts()), worked_progress()), "here");
  const auto expected = worked_facts();
  EXPECT_EQ(facts.run.config, expected.config);
  EXPECT_EQ(facts.run.data_fingerprint, expected.data_fingerprint);
  EXPECT_EQ(facts.run.tokenizer_hash, expected.tokenizer_hash);
  EXPECT_EQ(facts.run.vocab, expected.vocab);
  EXPECT_EQ(facts.run.micro_rows, expected.micro_rows);
  EXPECT_EQ(facts.run.threads, expected.threads);
  EXPECT_EQ(facts.run.precision, expected.precision);
  EXPECT_EQ(facts.run.kernels, expected.kernels);
  EXPECT_EQ(facts.run.libtorch, expected.libtorch);
  EXPECT_EQ(facts.run.llmtrain, expected.llmtrain);
  expect_equal(facts.progress, worked_progress());
}

// Each key left out, and each given another type.
TEST(SavedFacts, RefuseWhatIsMissingOrOfAnotherType) {
  const auto text = with_progress(to_json(worked_facts()), worked_progress());
  const auto whole = nlohmann::json::parse(text);
  int damaged = 0;
  const auto refuses = [&](const nlohmann::json& json, const std::string& what) {
    ++damaged;
    const auto message = error_of(ExitCode::kResumeRefused, [&] { facts_from_json(json.dump(), "runs/q/step-7"); });
    EXPECT_THAT(message, HasSubstr("runs/q/step-7")) << what;
  };
  for (const std::string part : {"run", "progress"}) {
    for (const auto& [key, value] : whole.at(part).items()) {
      auto missing = whole;
      missing[part].erase(key);
      refuses(missing, key);
      auto other = whole;
      other[part][key] = nlohmann::json::array({value});
      refuses(other, key);
    }
    auto missing = whole;
    missing.erase(part);
    refuses(missing, part);
  }
  EXPECT_EQ(damaged, 2 * (10 + 14) + 2);
}

// Read with conversions they would count as 3, as 2^64 - 1, or as 1.
TEST(SavedFacts, RefuseCountsThatAreNoneNamingTheKey) {
  const auto whole = nlohmann::json::parse(with_progress(to_json(worked_facts()), worked_progress()));
  int counts = 0;
  for (const std::string part : {"run", "progress"}) {
    for (const auto& [key, value] : whole.at(part).items()) {
      if (!value.is_number_integer()) continue;
      ++counts;
      for (const auto& wrong : {nlohmann::json(3.5), nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json(true)}) {
        auto json = whole;
        json[part][key] = wrong;
        EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { facts_from_json(json.dump(), "runs/q/step-7"); }),
                    HasSubstr("runs/q/step-7: " + part + "." + key + ": expected a whole number from 0"))
            << wrong;
      }
    }
  }
  EXPECT_EQ(counts, 3 + 7);
}

// A run that stands nowhere would begin its data anew, without a word.
TEST(SavedFacts, RefuseWhatSaysNothingOfWhereTheRunStands) {
  const auto whole = nlohmann::json::parse(to_json(worked_progress()));
  for (const auto& [key, wrong] : std::multimap<std::string, nlohmann::json>{
           {"cursor", ""}, {"guard", ""}, {"seconds", -0.5}, {"seconds", nullptr}, {"window_loss", true}}) {
    auto json = whole;
    json[key] = wrong;
    EXPECT_THAT(error_of(ExitCode::kResumeRefused, [&] { progress_from_json(json.dump(), "here"); }),
                HasSubstr("here: " + key + ": expected"));
  }
}

TEST(SavedFacts, RefuseTextThatIsCutOff) {
  const auto text = with_progress(to_json(worked_facts()), worked_progress());
  for (std::size_t size = 0; size < text.size(); size += 7) {
    error_of(ExitCode::kResumeRefused, [&] { facts_from_json(text.substr(0, size), "here"); });
  }
  const auto progress = to_json(worked_progress());
  for (std::size_t size = 0; size < progress.size(); size += 7) {
    error_of(ExitCode::kResumeRefused, [&] { progress_from_json(progress.substr(0, size), "here"); });
  }
}

}  // namespace
}  // namespace llmtrain
