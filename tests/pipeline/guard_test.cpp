#include <algorithm>
#include <fstream>
#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// Updates that must not be applied, ends of every kind, and what a run says (FAULTS, rows 60 and 61).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::Eq;
using testing::HasSubstr;
using testing::Not;

nlohmann::json result_of(const TrainingFolder& run) {
  return nlohmann::json::parse(slurp(run.stage() / "result.json"));
}

// The step of the last line of metrics of a split.
std::int64_t last_step(const TrainingFolder& run, const std::string& split) {
  std::int64_t step = 0;
  for (const auto& line : comparable_metrics(run.stage())) {
    if (line.value("split", "") == split) step = line.at("step");
  }
  return step;
}

TEST(Guard, StopsAtANonFiniteGradientWithoutApplyingAnyOfIt) {
  const Reference reference;
  const TrainingFolder run;
  const auto stopped = run.run({.environment = hooks("nan_gradient_at_step=13")});
  EXPECT_EQ(stopped.exit_code, 4);
  EXPECT_THAT(stopped.err, HasSubstr("llmtrain: error: step 14: the update is not finite"));
  EXPECT_THAT(slurp(run.stage() / "train.log"), HasSubstr("error: step 14: the update is not finite"));
  const auto dump = nlohmann::json::parse(slurp(run.stage() / "bad_updates" / "step-14.json"));
  EXPECT_EQ(dump.at("position"), 13 * 5) << "rows before this batch";
  EXPECT_EQ(dump.at("grad_norm"), "nan");
  ASSERT_EQ(dump.at("tokens").size(), 5U);
  EXPECT_EQ(dump.at("tokens").at(0).size(), 32U);
  ASSERT_EQ(dump.at("non_finite_gradients").size(), 1U);
  EXPECT_EQ(dump.at("non_finite_gradients").at(0).at("elements"), 1);
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// The gradients alone would be taken for good ones.
TEST(Guard, StopsAtANonFiniteLossWithoutApplyingAnyOfIt) {
  const Reference reference;
  const TrainingFolder run;
  const auto stopped = run.run({.environment = hooks("nan_loss_at_step=13")});
  EXPECT_EQ(stopped.exit_code, 4);
  EXPECT_THAT(stopped.err, HasSubstr("llmtrain: error: step 14: the update is not finite (loss nan, "));
  const auto dump = nlohmann::json::parse(slurp(run.stage() / "bad_updates" / "step-14.json"));
  EXPECT_EQ(dump.at("terms").at("loss"), "nan");
  EXPECT_TRUE(dump.at("grad_norm").is_number());
  EXPECT_THAT(dump.at("non_finite_gradients"), testing::IsEmpty());
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// No hook: the first step takes the weights to where the second's gradient is no number.
TEST(Guard, StopsARunThatDiverges) {
  TrainingFolder run;
  run.set("pretrain.optim.lr=1e30").set("pretrain.guard={max_non_finite: 0}").set("pretrain.checkpoint.every_steps=1");
  const auto stopped = run.run();
  EXPECT_EQ(stopped.exit_code, 4) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("error: step 2: the update is not finite ("));
  EXPECT_FALSE(fs::exists(run.stage() / "model"));
  EXPECT_FALSE(fs::exists(run.stage() / "result.json"));
}

TEST(Guard, SkipsANonFiniteGradientWhereThatIsAllowed) {
  TrainingFolder run;
  run.set("pretrain.guard.max_non_finite=1");
  const auto result = run.run({.environment = hooks("nan_gradient_at_step=13")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("skipped"));
  EXPECT_EQ(result_of(run).at("skipped_updates"), 1);
  EXPECT_EQ(result_of(run).at("step"), 24);
  for (const auto& line : comparable_metrics(run.stage())) {
    EXPECT_TRUE(!line.contains("loss") || line.at("loss").is_number()) << line;
  }
}

TEST(Guard, RefusesAModelThatNoMemoryHoldsByArithmetic) {
  TrainingFolder run;
  run.set("model.embed=262144").set("model.layers=1000").set("model.heads=64").set("model.ffn=1048576");
  const auto result = run.run();
  EXPECT_THAT(result.exit_code, AnyOf(Eq(8), Eq(2))) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  EXPECT_FALSE(fs::exists(run.path() / "runs"));
}

TEST(End, OfTimeIsDoneAndSaved) {
  TrainingFolder run;
  run.set("pretrain.steps=1000000").set("pretrain.max_time=1s").set("pretrain.checkpoint.every_steps=1000000");
  run.set("pretrain.evaluation.every_steps=1000000").set("pretrain.samples.every_steps=1000000");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("done: max_time reached after step "));
  const std::int64_t step = result_of(run).at("step");
  EXPECT_TRUE(fs::exists(run.checkpoint(step)));
  EXPECT_EQ(last_step(run, "validation"), step);
  EXPECT_THAT(run.run().err, HasSubstr("done before"));
  // More time: it goes on.
  run.set("pretrain.max_time=2s");
  const auto more = run.run();
  EXPECT_THAT(more.err, HasSubstr("resuming after step " + std::to_string(step)));
  EXPECT_GT(result_of(run).at("step").get<std::int64_t>(), step);
}

TEST(End, OfTokensIsTheFewestStepsThatReachThem) {
  TrainingFolder run;
  run.set("pretrain.steps=null").set("pretrain.tokens=1601");
  EXPECT_EQ(run.run().exit_code, 0);
  EXPECT_EQ(result_of(run).at("step"), 11);  // 10 steps are 1600
}

// By hand: 40 documents of 99 characters, each with the id that ends it, are 4,000 ids; all but the first are targets
// once, in rows of 32: 124 whole ones and a short one. A batch of 160 ids is five rows, one of 32 is one. The last
// batch reaches into the next pass.
TEST(End, OfEpochsIsThatManyPassesOverTheRows) {
  TrainingFolder run;
  std::ofstream data(run.path() / "counted.jsonl");
  for (int document = 0; document < 40; ++document) {
    std::string text = std::to_string(100 + document) + " ";
    while (text.size() < 99) text += static_cast<char>('a' + (document + text.size() * text.size()) % 26);
    data << nlohmann::json{{"text", text}}.dump() << "\n";
  }
  data.close();
  run.set("pretrain.data={train: [{path: counted.jsonl}]}").set("pretrain.micro_batch=auto").set("pretrain.steps=null");
  run.set("pretrain.samples.every_steps=1000");
  const std::vector<std::tuple<const char*, const char*, int>> lengths = {
      {"1", "32", 125}, {"0.5", "160", 13}, {"2", "160", 50}, {"0.01", "160", 1}};
  for (const auto& [epochs, batch_tokens, steps] : lengths) {
    run.set(fmt::format("pretrain.epochs={}", epochs)).set(fmt::format("pretrain.batch_tokens={}", batch_tokens));
    run.set("pretrain.optim.schedule.warmup_steps=0");
    const auto result = run.run({.arguments = {"--resume", "never"}});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result_of(run).at("step"), steps) << epochs << " epochs of " << batch_tokens;
  }
}

// 320 ids are two steps of 160; an epoch of the data is some hundred rows, and a hundredth of it one step.
TEST(End, BeforeTheWarmUpIsRefused) {
  for (const auto& [length, steps] :
       {std::pair{"pretrain.tokens=320", "2 steps"}, {"pretrain.epochs=0.01", "1 step"}}) {
    TrainingFolder run;
    run.set("pretrain.steps=null").set(length);
    const auto result = run.run();
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err,
                HasSubstr(fmt::format("p.yaml:11:32: 'pretrain.optim.schedule.warmup_steps': longer than the "
                                      "run, expected at most its {}, got 4",
                                      steps)));
    EXPECT_THAT(names_in(run.checkpoints()), testing::IsEmpty());
    run.set("pretrain.optim.schedule.warmup_steps=1");
    EXPECT_EQ(run.run().exit_code, 0);
  }
}

// A rate at which nothing is learnt any more after the start.
TEST(End, ComesEarlyWhereNothingImproves) {
  TrainingFolder run;
  run.set("pretrain.optim.lr=3").set("pretrain.optim.grad_clip=0").set("pretrain.guard={max_non_finite: 0}");
  run.set("pretrain.steps=400").set("pretrain.evaluation.patience=2").set("pretrain.result=best");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto json = result_of(run);
  EXPECT_EQ(json.at("reason"), "no improvement any more");
  std::vector<std::pair<double, std::int64_t>> losses;
  for (const auto& line : comparable_metrics(run.stage())) {
    if (line.value("split", "") == "validation") losses.emplace_back(line.at("loss"), line.at("step"));
  }
  const auto best = std::min_element(losses.begin(), losses.end());
  EXPECT_EQ(losses.end() - best, 3) << "two evaluations after the best";
  EXPECT_EQ(json.at("best_step"), best->second);
  EXPECT_EQ(json.at("model_step"), best->second);
  // The model of the best step: its checkpoint's weights, by their names.
  const auto checkpoint = slurp(run.checkpoint(best->second) / "weights.safetensors");
  const auto model = slurp(run.stage() / "model" / "model.safetensors");
  const std::string name = "model.embed_tokens.weight";
  const auto bytes_of = [&](const std::string& file) {
    const auto header_size = static_cast<std::size_t>(*reinterpret_cast<const std::uint64_t*>(file.data()));
    const auto header = nlohmann::json::parse(file.substr(8, header_size));
    const auto place = header.at(name).at("data_offsets");
    const std::size_t from = place.at(0);
    const std::size_t to = place.at(1);
    return file.substr(8 + header_size + from, to - from);
  };
  EXPECT_FALSE(bytes_of(model).empty());
  EXPECT_TRUE(bytes_of(model) == bytes_of(checkpoint));
  EXPECT_THAT(run.run().err, HasSubstr("done before"));
  run.set("pretrain.result=last");
  EXPECT_EQ(run.run().exit_code, 0);
  EXPECT_EQ(result_of(run).at("model_step"), json.at("step")) << "the other kind of result is made on request";
  EXPECT_FALSE(slurp(run.stage() / "model" / "model.safetensors") == model);
}

TEST(MicroBatch, OfAnySizeAndChosenIsTheSameBatch) {
  std::vector<double> losses;
  for (const char* size : {"auto", "5", "1"}) {
    TrainingFolder run;
    run.set(std::string("pretrain.micro_batch=") + size).set("model.dropout=0");
    const auto result = run.run();
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr(std::string(size) == "1" ? "1 a micro-batch" : "5 a micro-batch"));
    losses.push_back(comparable_metrics(run.stage()).back().at("loss"));
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-6);
  EXPECT_NEAR(losses[0], losses[2], 1e-4);
}

TEST(DryRun, WritesNothingOfTheStage) {
  const TrainingFolder run;
  const auto result = run.run({.arguments = {"--dry-run"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("dry run: "));
  EXPECT_FALSE(fs::exists(run.stage()));
  run.stop_after(10);
  const auto before = all_files(run.path() / "runs");
  EXPECT_EQ(run.run({.arguments = {"--dry-run"}}).exit_code, 0);
  EXPECT_TRUE(all_files(run.path() / "runs") == before);
}

TEST(Output, AsJsonIsOneObjectALine) {
  const TrainingFolder run;
  const auto result = run.run({.arguments = {"--log-format", "json"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "");
  const auto lines = json_lines(result.err);
  EXPECT_GT(lines.size(), 5U);
  for (const auto& line : lines) EXPECT_TRUE(line.is_object() && line.contains("event")) << line;
  const auto again = run.run({.arguments = {"--log-format", "json"}});
  EXPECT_EQ(json_lines(again.err).size(), 1U);
}

TEST(Output, ToAFileHasNoControlBytes) {
  for (const char* progress : {"auto", "lines"}) {
    const TrainingFolder run;
    const auto result = run.run({.arguments = {"--progress", progress}});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_THAT(result.err, HasSubstr("done: all steps taken"));
    EXPECT_EQ(result.err.find('\r'), std::string::npos);
    EXPECT_EQ(result.err.find('\x1b'), std::string::npos);
  }
}

TEST(Output, QuietIsSilentOnStderrButNotInTheLog) {
  const TrainingFolder run;
  const auto result = run.run({.arguments = {"--quiet"}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  EXPECT_THAT(slurp(run.stage() / "train.log"), HasSubstr("done: all steps taken"));
}

}  // namespace
}  // namespace llmtrain
