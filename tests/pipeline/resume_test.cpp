#include <array>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// What a second start makes of a run that was begun before (FAULTS, rows 30 to 38).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr int kRefused = 6;

TEST(Resume, OfAFinishedRunSaysSoAndRewritesNothing) {
  const Reference reference;
  const auto before = all_files(reference.folder().path() / "runs");
  const auto again = reference.folder().run();
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, HasSubstr("done before, after 24 steps"));
  const auto after = all_files(reference.folder().path() / "runs");
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [path, file] : before) {
    ASSERT_TRUE(after.count(path)) << path;
    EXPECT_TRUE(after.at(path) == file) << path << " was written";
  }
}

TEST(Resume, OfARunningRunIsLockedOutAndTouchesNothing) {
  const TrainingFolder run;
  const auto first = run.start({.environment = hooks("slow_save_ms=1500")});
  ASSERT_TRUE(first->wait_until([&] { return save_in_flight(run.checkpoints()); }));
  for (const char* resume : {"auto", "never"}) {
    const auto second = run.run({.arguments = {"--resume", resume}});
    EXPECT_EQ(second.exit_code, 7);
    EXPECT_THAT(second.err, HasSubstr(fmt::format("process {} on ", first->pid())));
  }
  EXPECT_TRUE(save_in_flight(run.checkpoints())) << "what the first one writes is not cleaned away";
  EXPECT_EQ(names_in(run.stage().parent_path()), (std::vector<std::string>{"pretrain", "tokenizer"}));
}

TEST(Resume, NeverMovesTheFolderAsideAndBeginsAnew) {
  const Reference reference;
  const auto& run = reference.folder();
  const auto model = slurp(run.stage() / "model/model.safetensors");
  fs::create_directory(run.stage().parent_path() / "pretrain.old-1");
  const auto again = run.run({.arguments = {"--resume", "never"}});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.err, Not(HasSubstr("resuming")));
  const fs::path old = run.stage().string() + ".old-2";
  EXPECT_TRUE(slurp(old / "model/model.safetensors") == model);
  EXPECT_TRUE(slurp(run.stage() / "model/model.safetensors") == model) << "the same seed, the same model";
}

TEST(Resume, OfANamedCheckpointGoesOnFromItInAnotherRun) {
  const Reference reference({"pretrain.checkpoint.keep=9"});
  const auto from = reference.folder().checkpoint(12);
  TrainingFolder run;
  const auto result = run.run({.arguments = {"--resume", from.string()}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("resuming after step 12"));
  EXPECT_TRUE(slurp(run.stage() / "model/model.safetensors") ==
              slurp(reference.folder().stage() / "model/model.safetensors"));
  const auto stage = run.run({.arguments = {"--resume", reference.folder().stage().string(), "--set", "run.name=s"}});
  EXPECT_THAT(stage.err, HasSubstr("resuming after step 24"));
}

TEST(Resume, OfAnEarlierCheckpointOfTheSameRunIsNotMixedWithLaterOnes) {
  const Reference reference({"pretrain.checkpoint.keep=9"});
  const auto before = all_files(reference.folder().checkpoints());
  const auto result = reference.folder().run({.arguments = {"--resume", "runs/r/pretrain/checkpoints/step-12"}});
  EXPECT_EQ(result.exit_code, kRefused);
  EXPECT_THAT(result.err, HasSubstr("step-24: stands in the way of going on from"));
  EXPECT_TRUE(all_files(reference.folder().checkpoints()) == before);
}

TEST(Resume, ManyTimesInARowIsTheSame) {
  const Reference reference;
  const TrainingFolder run;
  for (const std::int64_t step : {1, 2, 3, 8, 9, 15, 16, 23}) run.stop_after(step);
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// Which updates are skipped hangs on the norms of the last four that were applied.
TEST(Resume, KeepsTheWindowThatOutliersAreMeasuredBy) {
  const std::vector<std::string> guard = {"pretrain.guard={outlier_factor: 1.05, outlier_window: 4, max_outliers: 99}"};
  const Reference reference(guard);
  const auto result = [](const TrainingFolder& run) {
    return nlohmann::json::parse(slurp(run.stage() / "result.json"));
  };
  EXPECT_GT(result(reference.folder()).at("skipped_updates"), 2);
  TrainingFolder run;
  run.set(guard[0]);
  for (const std::int64_t step : {5, 6, 10, 13, 18, 21}) run.stop_after(step);
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
  EXPECT_EQ(result(run).at("skipped_updates"), result(reference.folder()).at("skipped_updates"));
}

TEST(Resume, AtTheEdgeOfAnEpochIsTheSame) {
  const Reference reference({"pretrain.steps=null", "pretrain.epochs=2"});
  const auto metrics = comparable_metrics(reference.folder().stage());
  const std::int64_t last = metrics.back().at("step");
  TrainingFolder run;
  run.set("pretrain.steps=null").set("pretrain.epochs=2");
  for (std::int64_t step = last / 2 - 1; step <= last / 2 + 1; ++step) run.stop_after(step);
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder(), last);
}

TEST(Resume, WithAHarmlessChangeGoesOnAndPrintsIt) {
  const Reference reference;
  TrainingFolder run;
  run.stop_after(10);
  run.set("pretrain.checkpoint.keep=3").set("pretrain.checkpoint.every_steps=5");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("changed since the checkpoint: 'pretrain.checkpoint.keep' was 2, is 3"));
  EXPECT_THAT(result.err, HasSubstr("'pretrain.checkpoint.every_steps' was 4, is 5"));
  expect_same(run, reference.folder());
}

TEST(Resume, WithOtherThreadsGoesOnAndNotesThem) {
  TrainingFolder run;
  run.stop_after(10);
  run.set("run.threads=2");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the number of threads was 1, is 2: results may differ in their last bits"));
}

TEST(Resume, WithEssentialChangesIsRefusedAndNamesEachWithBothValues) {
  TrainingFolder run;
  run.stop_after(10);
  const auto before = all_files(run.path() / "runs");
  const std::vector<std::array<std::string, 3>> changes = {{"pretrain.optim.lr", "0.003", "0.001"},
                                                           {"pretrain.optim.weight_decay", "0.1", "0.2"},
                                                           {"pretrain.optim.schedule.name", "cosine", "linear"},
                                                           {"pretrain.steps", "24", "30"},
                                                           {"pretrain.batch_tokens", "160", "320"},
                                                           {"pretrain.sequence_length", "32", "16"},
                                                           {"pretrain.label_smoothing", "0.0", "0.1"},
                                                           {"pretrain.data.packing", "stream", "best_fit"},
                                                           {"run.seed", "1234", "7"},
                                                           {"run.precision", "fp32", "auto"},
                                                           {"model.dropout", "0.1", "0.2"},
                                                           {"model.layers", "2", "1"}};
  for (const auto& [key, was, is] : changes) run.set(key + "=" + is);
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, kRefused);
  for (const auto& [key, was, is] : changes) {
    EXPECT_THAT(result.err, HasSubstr(fmt::format("'{}' was {}, is {}", key, was, is)));
  }
  EXPECT_THAT(result.err, HasSubstr("step-10"));
  for (const auto& [path, file] : before) {
    const bool learnt_anew = path.find("/tokenizer/") != std::string::npos;
    EXPECT_TRUE(learnt_anew || slurp(path) == file.first) << path;
  }
}

TEST(Resume, OnOtherDataIsRefusedUnlessAccepted) {
  const TrainingFolder run;
  run.stop_after(10);
  run.write_data(2);
  const auto refused = run.run();
  EXPECT_EQ(refused.exit_code, kRefused);
  EXPECT_THAT(refused.err, HasSubstr("the training data was "));
  const auto accepted = run.run({.arguments = {"--accept-data-change"}});
  EXPECT_EQ(accepted.exit_code, 0) << accepted.err;
  EXPECT_THAT(slurp(run.stage() / "train.log"), HasSubstr("accepted: the training data was "));
}

// Learnt from the changed text, the tokenizer would be another one, and no id would mean what it did.
TEST(Resume, OnAcceptedDataKeepsTheTokenizerThatTheRunLearnt) {
  TrainingFolder run;
  run.set("tokenizer.train={vocab_size: 290}");
  run.stop_after(10);
  const auto tokenizer = slurp(run.stage() / "tokenizer.json");
  run.write_data(2);
  const auto refused = run.run();
  EXPECT_EQ(refused.exit_code, kRefused);
  EXPECT_THAT(refused.err, HasSubstr("the tokenizer was "));
  const auto accepted = run.run({.arguments = {"--accept-data-change"}});
  EXPECT_EQ(accepted.exit_code, 0) << accepted.err;
  EXPECT_TRUE(slurp(run.stage() / "model" / "tokenizer.json") == tokenizer);
}

TEST(Resume, WithAnotherTokenizerIsRefused) {
  TrainingFolder run;
  const auto learn = [&](const std::string& data, const std::string& folder) {
    const auto result = run_llmtrain({"tokenizer", "train", "--data", (run.path() / data).string(), "--vocab-size",
                                      "290", "--output", (run.path() / folder).string()});
    ASSERT_EQ(result.exit_code, 0) << result.err;
  };
  learn("data.jsonl", "one");
  run.set("tokenizer={from: one}");
  run.stop_after(10);
  std::string changed = slurp(run.path() / "data.jsonl");
  for (std::size_t at = 0; (at = changed.find("cat", at)) != std::string::npos;) changed.replace(at, 3, "tac");
  ASSERT_TRUE(run_program({"/bin/mkdir", (run.path() / "d").string()}).exit_code == 0);
  {
    std::ofstream other(run.path() / "d" / "other.jsonl");
    other << changed;
  }
  fs::remove_all(run.path() / "one");
  learn("d/other.jsonl", "one");
  const auto result = run.run({.arguments = {"--accept-data-change"}});
  EXPECT_EQ(result.exit_code, kRefused);
  EXPECT_THAT(result.err, HasSubstr("the tokenizer was "));
}

}  // namespace
}  // namespace llmtrain
