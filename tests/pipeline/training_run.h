#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include "tests/support/test_support.h"

namespace llmtrain {

// The pipeline file of a tiny run in which all state counts: dropout, accumulation (the last micro-batch is smaller),
// evaluation, samples, a best checkpoint, two saves between two evaluations.
extern const char* const kTinyPipeline;
inline constexpr std::int64_t kTinySteps = 24;

// What a start is given beside the pipeline file.
struct StartOptions {
  std::vector<std::string> arguments{};
  std::map<std::string, std::string> environment{};
  std::function<void()> before_exec{};  // in the child: limits, closed descriptors
  std::vector<std::string> before{};    // words in front of the command: strace and its options
};

// `llmtrain pretrain` that runs beside the test; killed with it.
class RunningTraining {
 public:
  RunningTraining(const std::filesystem::path& folder, const StartOptions& options);
  RunningTraining(const RunningTraining&) = delete;
  RunningTraining& operator=(const RunningTraining&) = delete;
  ~RunningTraining();

  pid_t pid() const { return pid_; }
  void signal(int number) const;
  bool ended();
  // Steps are taken.
  bool trains() const;
  // What it wrote to stderr so far.
  std::string err() const;
  // Looks every millisecond; false if the run ended, or a minute passed, before `condition` held.
  bool wait_until(const std::function<bool()>& condition);
  // until stderr holds the text.
  bool wait_for(const std::string& text);
  // This long, but not longer than until the first steps are taken: however fast the machine, not much is trained.
  void wait_in_the_start(std::chrono::microseconds delay);
  ProgramResult wait();

 private:
  std::filesystem::path err_path_;
  std::filesystem::path out_path_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// A folder with a pipeline file, p.yaml, and its data, data.jsonl, in which runs are started.
class TrainingFolder {
 public:
  explicit TrainingFolder(std::string pipeline = kTinyPipeline);

  std::filesystem::path path() const { return folder_.path(); }
  std::filesystem::path stage() const { return path() / "runs" / "r" / "pretrain"; }
  std::filesystem::path checkpoints() const { return stage() / "checkpoints"; }
  std::filesystem::path checkpoint(std::int64_t step) const;

  // The overrides of every start from now on.
  TrainingFolder& set(std::string override_text);
  ProgramResult run(StartOptions options = {}) const;
  std::unique_ptr<RunningTraining> start(StartOptions options = {}) const;
  // Takes the run to a stop after this step, as by a signal.
  void stop_after(std::int64_t step) const;

  // Data that is not the same as before.
  void write_data(unsigned seed) const;

 private:
  TempDir folder_;
  std::vector<std::string> overrides_;
};

// The same run, never disturbed; its folder.
class Reference {
 public:
  explicit Reference(const std::vector<std::string>& overrides = {}, const char* pipeline = kTinyPipeline);
  const TrainingFolder& folder() const { return folder_; }

 private:
  TrainingFolder folder_;
};

std::vector<nlohmann::json> json_lines(const std::string& text);
// metrics.jsonl without what may differ between two runs of the same: time, throughput, memory, resume records.
std::vector<nlohmann::json> comparable_metrics(const std::filesystem::path& stage);
// "Same": the model and the last checkpoint's tensors byte for byte, samples, and comparable_metrics.
void expect_same(const TrainingFolder& got, const TrainingFolder& reference, std::int64_t step = kTinySteps);

// The environment with which a run does what is asked: "slow_save_ms=20".
inline std::map<std::string, std::string> hooks(std::string text) { return {{"LLMTRAIN_TEST_HOOKS", std::move(text)}}; }

// Each regular file below, but for the lock, with its bytes and the time it was changed.
std::map<std::string, std::pair<std::string, std::filesystem::file_time_type>> all_files(
    const std::filesystem::path& folder);

// A save in flight: a folder step-N.tmp-PID in the checkpoints.
bool save_in_flight(const std::filesystem::path& checkpoints);
std::vector<std::string> names_in(const std::filesystem::path& folder);

}  // namespace llmtrain
