#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/checkpoint/checkpoint_reader.h"
#include "tests/pipeline/training_run.h"

// What signals and lost streams do to a run (FAULTS, rows 5 to 8).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kStopped = 75;

std::string log_of(const TrainingFolder& run) { return slurp(run.stage() / "train.log"); }

// The program's own handling has begun: the signal is caught, or kept back for the engine to catch.
bool takes_signals(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  bool takes = false;
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigCgt:") && !line.starts_with("SigBlk:")) continue;
    takes = takes || (std::stoull(line.substr(7), nullptr, 16) >> (SIGTERM - 1) & 1) != 0;
  }
  return takes;
}

// From the front's first moments, over learning the tokenizer and preparing the data, to the first steps; every start
// but the first also resumes.
TEST(Signals, AtAnyMomentOfAStartStopWith75AndChangeNothing) {
  const std::vector<std::string> longer = {"pretrain.steps=1500", "pretrain.evaluation.every_steps=200",
                                           "pretrain.samples.every_steps=200", "pretrain.checkpoint.every_steps=100"};
  const Reference reference(longer);
  TrainingFolder run;
  for (const auto& text : longer) run.set(text);
  const std::vector<int> numbers = {SIGTERM, SIGINT, SIGUSR1};
  std::mt19937 random(7);
  for (std::size_t start = 0; start < 15; ++start) {
    fs::remove_all(run.path() / ".cache");
    fs::remove_all(run.path() / "runs" / "r" / "tokenizer");
    const auto training = run.start();
    ASSERT_TRUE(training->wait_until([&] { return takes_signals(training->pid()); }));
    training->wait_in_the_start(std::chrono::microseconds(random() % 400000));
    training->signal(numbers[start % numbers.size()]);
    const auto result = training->wait();
    ASSERT_EQ(result.exit_code, kStopped) << "start " << start << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("stop"));
  }
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder(), 1500);
}

// A text that takes a while, so that the signal falls into the work that is named.
class LongPreparation : public testing::Test {
 protected:
  LongPreparation() {
    std::ofstream text(run_.path() / "long.txt");
    for (int line = 0; line < 400000; ++line) text << "the old cat " << line << " sat on the red mat\n";
    run_.set("pretrain.data.train=[{path: long.txt}]");
  }
  TrainingFolder run_;
};

TEST_F(LongPreparation, LearningATokenizerStopsWith75) {
  const auto training = run_.start();
  ASSERT_TRUE(training->wait_until([&] { return fs::exists(run_.stage() / ".lock"); }));
  training->signal(SIGTERM);
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, kStopped);
  EXPECT_THAT(result.err, HasSubstr("on request"));
  EXPECT_THAT(names_in(run_.checkpoints()), ElementsAre());
}

TEST_F(LongPreparation, TokenizingStopsWith75) {
  const auto training = run_.start();
  ASSERT_TRUE(training->wait_until([&] { return !names_in(run_.path() / ".cache" / "llmtrain" / "shards").empty(); }));
  training->signal(SIGINT);
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, kStopped);
  EXPECT_THAT(result.err, HasSubstr("stopped tokenizing"));
}

// The stop is asked for where it matters: `hook` names the place, `step` the step.
void expect_same_after_stop(const std::string& hook, std::int64_t step, const std::vector<std::string>& overrides) {
  const Reference reference(overrides);
  TrainingFolder run;
  for (const auto& text : overrides) run.set(text);
  const auto stopped = run.run({.environment = hooks(hook + "=" + std::to_string(step))});
  EXPECT_EQ(stopped.exit_code, kStopped) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("stopped after step " + std::to_string(step) + ", state saved in"));
  EXPECT_THAT(log_of(run), HasSubstr("stopping after step " + std::to_string(step) + " on SIGTERM"));
  EXPECT_TRUE(fs::exists(run.checkpoint(step)));
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

TEST(Signals, InTrainingSaveTheStepAndSaySo) { expect_same_after_stop("stop_at_step", 11, {}); }

TEST(Signals, InAnEvaluationHaveItMadeAnew) { expect_same_after_stop("stop_in_events_of_step", 8, {}); }

TEST(Signals, InTheLastEvaluationHaveItMadeAnew) { expect_same_after_stop("stop_in_events_of_step", 24, {}); }

// The evaluation of the step was made before the samples were asked for: it counts once, or patience would run out.
TEST(Signals, InSamplesCountTheEvaluationBeforeThemOnce) {
  expect_same_after_stop("stop_in_samples_of_step", 8,
                         {"pretrain.samples.every_steps=8", "pretrain.evaluation.patience=1"});
}

TEST(Signals, InTheLastSamplesLeaveARunThatIsFoundDone) {
  TrainingFolder run;
  EXPECT_EQ(run.run({.environment = hooks("stop_in_samples_of_step=24")}).exit_code, kStopped);
  EXPECT_EQ(run.run().exit_code, 0);
  const auto before = all_files(run.path() / "runs");
  const auto again = run.run();
  EXPECT_THAT(again.err, HasSubstr("done before"));
  EXPECT_EQ(all_files(run.path() / "runs") == before, true);
}

TEST(Signals, InASaveWaitForIt) {
  const Reference reference;
  for (const int number : {SIGTERM, SIGINT, SIGUSR1}) {
    const TrainingFolder run;
    const auto training = run.start({.environment = hooks("slow_save_ms=60")});
    ASSERT_TRUE(training->wait_until([&] { return save_in_flight(run.checkpoints()); }));
    training->signal(number);
    EXPECT_EQ(training->wait().exit_code, kStopped);
    EXPECT_FALSE(save_in_flight(run.checkpoints()));
    EXPECT_EQ(run.run().exit_code, 0);
    expect_same(run, reference.folder());
  }
}

TEST(Signals, ASecondOneLeavesAtOnceAndTheLogNamesTheLastCheckpoint) {
  const Reference reference;
  const TrainingFolder run;
  // At step 10 the save of step 8 is in flight: its two files take a second each.
  const auto training = run.start({.environment = hooks("slow_save_ms=1000,stop_at_step=10")});
  ASSERT_TRUE(training->wait_for("stopping after step 10"));
  const auto second = std::chrono::steady_clock::now();
  training->signal(SIGINT);
  const auto result = training->wait();
  EXPECT_LT(std::chrono::steady_clock::now() - second, std::chrono::milliseconds(900)) << "no save is waited for";
  EXPECT_EQ(result.exit_code, kStopped);
  EXPECT_THAT(result.err, HasSubstr("stopped at the second signal"));
  EXPECT_THAT(log_of(run), HasSubstr("a second signal leaves at once, with step-4 the last checkpoint"));
  EXPECT_EQ(why_damaged(run.checkpoint(4)), std::nullopt);
  EXPECT_FALSE(fs::exists(run.checkpoint(8)));
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// As a scheduler does whose patience ends: asked to stop, the run waits for its save and is killed in it. First in a
// save that was due, then in the one that the stop itself makes.
TEST(Signals, AKillWhileAStopWaitsForASlowSaveChangesNothing) {
  const std::vector<std::string> longer = {"pretrain.steps=300", "pretrain.checkpoint.every_steps=100"};
  const Reference reference(longer);
  for (const bool in_a_save : {true, false}) {
    TrainingFolder run;
    for (const auto& text : longer) run.set(text);
    run.stop_after(50);
    const auto training = run.start({.environment = hooks("slow_save_ms=400")});
    ASSERT_TRUE(
        training->wait_until([&] { return in_a_save ? save_in_flight(run.checkpoints()) : training->trains(); }));
    training->signal(SIGTERM);
    ASSERT_TRUE(training->wait_until([&] { return save_in_flight(run.checkpoints()); }));
    ASSERT_TRUE(training->wait_for("stopping after step "));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_TRUE(save_in_flight(run.checkpoints()));
    training->signal(SIGKILL);
    EXPECT_EQ(training->wait().exit_code, 128 + SIGKILL);
    EXPECT_EQ(run.run().exit_code, 0);
    expect_same(run, reference.folder(), 300);
    EXPECT_FALSE(save_in_flight(run.checkpoints()));
  }
}

TEST(Signals, Usr2SavesAndGoesOn) {
  TrainingFolder run;
  run.set("pretrain.steps=1000000")
      .set("pretrain.checkpoint.every_steps=1000000")
      .set("pretrain.evaluation.every_steps=1000000");
  run.set("pretrain.samples.every_steps=1000000");
  const auto training = run.start();
  ASSERT_TRUE(training->wait_for("tok/s"));
  training->signal(SIGUSR2);
  ASSERT_TRUE(
      training->wait_until([&] { return !names_in(run.checkpoints()).empty() && !save_in_flight(run.checkpoints()); }));
  const auto saved = names_in(run.checkpoints());
  ASSERT_EQ(saved.size(), 1U);
  EXPECT_EQ(why_damaged(run.checkpoints() / saved[0]), std::nullopt);
  ASSERT_TRUE(training->wait_for("saved runs/r/pretrain/checkpoints/" + saved[0]));
  training->signal(SIGTERM);
  EXPECT_EQ(training->wait().exit_code, kStopped);
  EXPECT_EQ(names_in(run.checkpoints()).size(), 2U) << "it went on to a later step";
}

TEST(Signals, HangUpIsIgnored) {
  const Reference reference;
  const TrainingFolder run;
  const auto training = run.start({.environment = hooks("slow_save_ms=20")});
  ASSERT_TRUE(training->wait_until([&] { return takes_signals(training->pid()); }));
  training->signal(SIGHUP);
  ASSERT_TRUE(training->wait_until([&] { return save_in_flight(run.checkpoints()); }));
  training->signal(SIGHUP);
  EXPECT_EQ(training->wait().exit_code, 0);
  expect_same(run, reference.folder());
}

TEST(Streams, ClosedOnesDoNotEndARunNorReachItsFiles) {
  const Reference reference;
  for (const std::vector<int>& closed : {std::vector<int>{2}, {0, 1, 2}}) {
    const TrainingFolder run;
    const auto result = run.run({.before_exec = [&] {
      for (const int stream : closed) ::close(stream);
    }});
    EXPECT_EQ(result.exit_code, 0);
    expect_same(run, reference.folder());
    EXPECT_THAT(log_of(run), HasSubstr("done: all steps taken"));
    const auto lock = slurp(run.stage() / ".lock");
    EXPECT_THAT(lock, testing::MatchesRegex("process [0-9]+ on [^\n]+")) << "the first file opened is not stderr";
  }
}

TEST(Streams, AReaderThatLeavesDoesNotEndARun) {
  const Reference reference;
  const TrainingFolder run;
  const auto result =
      run_program({"/bin/bash", "-c",
                   "set -o pipefail; " LLMTRAIN_BINARY_DIR "/llmtrain pretrain p.yaml --progress lines 2>&1 | head -1"},
                  {.directory = run.path(), .environment = {}, .input = ""});
  EXPECT_EQ(result.exit_code, 0) << result.out;
  expect_same(run, reference.folder());
}

}  // namespace
}  // namespace llmtrain
