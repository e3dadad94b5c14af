#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/checkpoint/checkpoint_reader.h"
#include "tests/pipeline/training_run.h"

// A disk that is full, too small, read-only or broken (FAULTS, rows 10 to 17).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr int kStorage = 5;

// Every checkpoint verifies, and nothing of a failed save is left.
void expect_whole(const fs::path& checkpoints) {
  for (const auto& name : names_in(checkpoints)) {
    EXPECT_THAT(name, testing::MatchesRegex("step-[0-9]+"));
    EXPECT_EQ(why_damaged(checkpoints / name), std::nullopt);
  }
}

// runs/ is a small disk of its own.
class SmallDisk : public testing::Test {
 protected:
  void mount_disk(const std::string& size) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root may mount a small disk";
    fs::create_directory(disk());
    if (::mount("tmpfs", disk().c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0) {
      GTEST_SKIP() << "a small disk cannot be mounted here";
    }
    mounted_ = true;
  }
  ~SmallDisk() override {
    if (mounted_) ::umount2(disk().c_str(), MNT_DETACH);
  }

  fs::path disk() const { return run_.path() / "runs"; }
  void fill() const {
    std::ofstream filler(disk() / "filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
  }

  TrainingFolder run_;
  bool mounted_ = false;
};

TEST_F(SmallDisk, FullDuringASaveEndsWith5AndLeavesTheCheckpointBefore) {
  const Reference reference;
  mount_disk("16m");
  if (IsSkipped()) return;
  run_.stop_after(8);
  {
    const auto training = run_.start({.environment = hooks("slow_save_ms=300")});
    ASSERT_TRUE(training->wait_for("saved runs/r/pretrain/checkpoints/step-12"));
    fill();
    const auto result = training->wait();
    EXPECT_EQ(result.exit_code, kStorage) << result.err;
    EXPECT_THAT(result.err, HasSubstr("No space left on device"));
  }
  expect_whole(run_.checkpoints());
  EXPECT_TRUE(fs::exists(run_.checkpoint(12)));
  fs::remove(disk() / "filler");
  EXPECT_EQ(run_.run().exit_code, 0);
  expect_same(run_, reference.folder());
}

TEST_F(SmallDisk, FullForAWhileIsGotOverWhereErrorsOnlyWarn) {
  mount_disk("16m");
  if (IsSkipped()) return;
  const std::int64_t steps = 3000;
  run_.set("pretrain.checkpoint.on_error=warn").set(fmt::format("pretrain.steps={}", steps));
  run_.set("pretrain.checkpoint.every_steps=100").set("pretrain.evaluation.every_steps=1000");
  run_.set("pretrain.samples.every_steps=1000");
  const auto training = run_.start();
  ASSERT_TRUE(training->wait_for("saved runs/r/pretrain/checkpoints/step-100"));
  fill();
  ASSERT_TRUE(training->wait_for("warning: saving failed, training goes on: "));
  fs::remove(disk() / "filler");
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  expect_whole(run_.checkpoints());
  EXPECT_TRUE(fs::exists(run_.checkpoint(steps)));
  // Each line of the metrics is whole, and a gap is marked where some are missing.
  std::int64_t lost = 0;
  for (const auto& line : json_lines(slurp(run_.stage() / "metrics.jsonl"))) {
    if (line.value("event", "") == "gap") lost += line.at("lost").get<std::int64_t>();
  }
  EXPECT_EQ(result.err.find("metrics.jsonl: cannot write") != std::string::npos, lost > 0) << result.err;
}

TEST_F(SmallDisk, FullWhenAStopIsAskedForIsNotReportedAsSaved) {
  mount_disk("16m");
  if (IsSkipped()) return;
  run_.stop_after(8);
  run_.set("pretrain.checkpoint.on_error=warn").set("pretrain.checkpoint.every_steps=1000000");
  run_.set("pretrain.steps=24").set("pretrain.checkpoint.keep_best=false");
  const auto training = run_.start({.environment = hooks("slow_save_ms=700,stop_at_step=10")});
  ASSERT_TRUE(training->wait_for("stopping after step 10"));
  ASSERT_TRUE(training->wait_until([&] { return save_in_flight(run_.checkpoints()); }));
  fill();
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, kStorage) << result.err;
  EXPECT_THAT(result.err, Not(HasSubstr("state saved")));
  expect_whole(run_.checkpoints());
}

TEST_F(SmallDisk, TooSmallForTheCheckpointsIsRefusedBeforeTheFirstStep) {
  mount_disk("1m");
  if (IsSkipped()) return;
  run_.set("pretrain.checkpoint.keep=20");
  const auto result = run_.run();
  EXPECT_EQ(result.exit_code, kStorage);
  EXPECT_THAT(result.err,
              testing::ContainsRegex("22 checkpoints and the result need [0-9.]+ [KM]iB, [0-9.]+ [KM]iB are free"));
  EXPECT_THAT(result.err, Not(HasSubstr("tok/s")));
  EXPECT_TRUE(names_in(run_.checkpoints()).empty());
}

// What stands there already is not asked for twice: a run that began can be resumed.
TEST_F(SmallDisk, LargeEnoughForTheStartIsLargeEnoughForTheResume) {
  const Reference reference;
  std::uint64_t checkpoint = 0;
  for (const auto& [path, file] : all_files(reference.folder().checkpoint(24))) checkpoint += file.first.size();
  // Four checkpoints, weights twice, and little else.
  mount_disk(fmt::format("{}k", (checkpoint * 4 + checkpoint / 3 * 2) / 1024 + 160));
  if (IsSkipped()) return;
  run_.stop_after(16);
  EXPECT_EQ(run_.run().exit_code, 0);
  expect_same(run_, reference.folder());
}

TEST_F(SmallDisk, ReadOnlyIsRefusedBeforeTheFirstStep) {
  mount_disk("16m");
  if (IsSkipped()) return;
  run_.stop_after(8);
  ASSERT_EQ(::mount("tmpfs", disk().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=16m"), 0);
  for (const char* resume : {"auto", "never"}) {
    const auto result = run_.run({.arguments = {"--resume", resume}});
    EXPECT_EQ(result.exit_code, kStorage);
    EXPECT_THAT(result.err, HasSubstr("Read-only file system"));
    EXPECT_THAT(result.err, Not(HasSubstr("tok/s")));
  }
}

// Files may grow to less than the weights need; the signal that comes with it is ignored.
TEST(FileSizeLimit, EndsWith5AndLeavesTheCheckpointBefore) {
  const Reference reference;
  const TrainingFolder run;
  run.stop_after(8);
  const auto weights = fs::file_size(run.checkpoint(8) / "weights.safetensors");
  const auto result = run.run({.before_exec = [&] {
    const rlimit limit{.rlim_cur = weights - 1000, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }});
  EXPECT_EQ(result.exit_code, kStorage) << result.err;
  EXPECT_THAT(result.err, HasSubstr("weights.safetensors: cannot write: File too large"));
  expect_whole(run.checkpoints());
  EXPECT_EQ(run.run().exit_code, 0);
  expect_same(run, reference.folder());
}

// Faults of single system calls, injected by strace(1).
class BrokenDisk : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/bin/strace")) GTEST_SKIP() << "strace is not installed";
  }

  // The call fails where it meets the path; $$ in it is the run's process.
  ProgramResult run_with(const std::string& call, const std::string& fault, const std::string& path) {
    // -D: the run is the process that was started, as the shell was.
    const auto script = fmt::format(
        "exec /usr/bin/strace -D -f -qqq -o /dev/null -P \"{0}\" -P \"$PWD/{0}\" -e trace={1} -e inject={1}:{2} \"$@\"",
        path, call, fault);
    return run_.run({.before = {"/bin/sh", "-c", script, "sh"}});
  }

  TrainingFolder run_;
};

struct BrokenCall {
  std::string call;
  std::string path;  // in the folder of checkpoints
};

const std::vector<BrokenCall>& broken_calls() {
  static const std::vector<BrokenCall> calls = {{"write", "/step-12.tmp-$$/optimizer.safetensors"},
                                                {"fsync", "/step-12.tmp-$$/weights.safetensors"},
                                                {"fsync", "/step-12.tmp-$$/manifest.json"},
                                                {"fsync", "/step-12.tmp-$$"},
                                                {"rename", "/step-12.tmp-$$"},
                                                {"fsync", ""}};
  return calls;
}

constexpr const char* kCheckpoints = "runs/r/pretrain/checkpoints";

TEST_F(BrokenDisk, ACallThatFailsOnceHasTheSaveMadeAnew) {
  const Reference reference;
  for (const auto& [call, path] : broken_calls()) {
    SCOPED_TRACE(call + path);
    fs::remove_all(run_.stage());
    run_.stop_after(8);
    const auto result = run_with(call, "error=EIO:when=1", kCheckpoints + path);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    expect_whole(run_.checkpoints());
    expect_same(run_, reference.folder());
  }
}

TEST_F(BrokenDisk, ACallThatFailsForEverEndsWith5AndNothingIsCalledSaved) {
  for (const auto& [call, path] : broken_calls()) {
    SCOPED_TRACE(call + path);
    fs::remove_all(run_.stage());
    run_.stop_after(8);
    const auto result = run_with(call, "error=EIO", kCheckpoints + path);
    EXPECT_EQ(result.exit_code, kStorage) << result.err;
    EXPECT_THAT(result.err, HasSubstr("Input/output error"));
    EXPECT_THAT(result.err, Not(HasSubstr("saved ")));
    EXPECT_EQ(names_in(run_.checkpoints()), (std::vector<std::string>{"step-4", "step-8"}));
    expect_whole(run_.checkpoints());
  }
}

TEST_F(BrokenDisk, FullForTheLogsAloneIsWarnedOfOnceAndTrainingGoesOn) {
  const Reference reference;
  for (const std::string log : {"metrics.jsonl", "train.log", "events.out.tfevents.llmtrain"}) {
    SCOPED_TRACE(log);
    fs::remove_all(run_.stage());
    run_.stop_after(4);
    const auto result = run_with("write", "error=ENOSPC", "runs/r/pretrain/" + log);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const auto warning = result.err.find("warning: runs/r/pretrain/" + log + ": cannot write: No space left on device");
    ASSERT_NE(warning, std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("warning: ", warning + 1), std::string::npos) << "once";
    EXPECT_TRUE(slurp(run_.stage() / "model/model.safetensors") ==
                slurp(reference.folder().stage() / "model/model.safetensors"));
  }
}

}  // namespace
}  // namespace llmtrain
