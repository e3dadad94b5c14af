#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// A run that is killed at random moments and started again is the run that never was (FAULTS, rows 1 to 3).
namespace llmtrain {
namespace {

constexpr int kKills = 30;

// Where each kind of kill fell.
struct Kills {
  int before_the_first_step = 0;
  int in_training = 0;
  int in_a_save = 0;
  int all() const { return before_the_first_step + in_training + in_a_save; }
};

enum class Moment { kStart, kTraining, kSave };

// Starts the run, waits for the moment and then a while, and kills. False if it was done before.
bool kill_once(const TrainingFolder& run, Moment moment, std::mt19937& random, Kills& kills) {
  const auto training = run.start({.environment = hooks(moment == Moment::kSave ? "slow_save_ms=20" : "")});
  if (moment == Moment::kStart) {
    training->wait_in_the_start(std::chrono::microseconds(random() % 350000));
  } else {
    const bool came = training->wait_until(
        [&] { return moment == Moment::kSave ? save_in_flight(run.checkpoints()) : training->trains(); });
    if (!came) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 40000));
  }
  // Stopped, so that what is looked at is what the kill falls into.
  training->signal(SIGSTOP);
  const bool saving = save_in_flight(run.checkpoints());
  const bool trains = training->trains();
  training->signal(SIGKILL);
  if (training->wait().exit_code != 128 + SIGKILL) return false;
  ++(saving ? kills.in_a_save : trains ? kills.in_training : kills.before_the_first_step);
  return true;
}

TEST(Kill, ThirtyKillsLeaveTheUninterruptedRun) {
  const std::vector<std::string> longer = {"pretrain.steps=3000", "pretrain.checkpoint.every_steps=20",
                                           "pretrain.evaluation.every_steps=90", "pretrain.samples.every_steps=250"};
  const Reference reference(longer);
  TrainingFolder run;
  for (const auto& text : longer) run.set(text);
  // --gtest_random_seed=N for other moments.
  std::mt19937 random(20240607 + static_cast<unsigned>(testing::GTEST_FLAG(random_seed)));
  Kills kills;
  for (int kill = 0; kill < kKills; ++kill) {
    // Every second one at a save: of the fifteen some miss it on a busy machine.
    constexpr Moment kMoments[] = {Moment::kStart, Moment::kSave, Moment::kTraining, Moment::kSave};
    if (!kill_once(run, kMoments[kill % 4], random, kills)) break;
  }
  const auto last = run.run();
  EXPECT_EQ(last.exit_code, 0) << last.err;
  std::printf("killed %d times: %d before the first step, %d in training, %d in a save\n", kills.all(),
              kills.before_the_first_step, kills.in_training, kills.in_a_save);
  EXPECT_EQ(kills.all(), kKills);
  EXPECT_GE(kills.in_a_save, 8);
  expect_same(run, reference.folder(), 3000);
  EXPECT_FALSE(save_in_flight(run.checkpoints())) << "what killed saves left behind is cleaned";
}

}  // namespace
}  // namespace llmtrain
