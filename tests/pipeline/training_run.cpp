#include "tests/pipeline/training_run.h"

#include <algorithm>
#include <csignal>
#include <random>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

namespace llmtrain {

namespace fs = std::filesystem;

const char* const kTinyPipeline = R"(run: {name: r, threads: 1, precision: fp32}
model: {layers: 2, embed: 32, heads: 2, ffn: 64, context: 32, norm: rms_norm, positions: rotary, activation: swiglu,
        dropout: 0.1}
tokenizer: {train: {kind: char}}
pretrain:
  data: {train: [{path: data.jsonl}], validation: {fraction: 0.1}}
  sequence_length: 32
  batch_tokens: 160
  micro_batch: 2
  steps: 24
  optim: {lr: 3e-3, schedule: {warmup_steps: 4}}
  guard: {outlier_factor: 50, outlier_window: 4}
  evaluation: {every_steps: 8}
  checkpoint: {every_steps: 4}
  samples: {every_steps: 10, prompts: ["the "], max_tokens: 12}
  log_every_steps: 3
)";

namespace {

constexpr std::chrono::milliseconds kLook{1};
constexpr std::chrono::minutes kPatience{1};

// Sentences of few words, so that a tiny model learns something of them.
std::string seeded_documents(unsigned seed) {
  static const std::vector<std::string> words = {"the", "cat", "dog",   "sat", "on",    "mat", "ran",
                                                 "old", "red", "house", "saw", "night", "sun", "moon"};
  std::mt19937 random(seed);
  std::string lines;
  for (int document = 0; document < 60; ++document) {
    std::string text;
    for (auto left = 20 + random() % 80; left > 0; --left) text += words[random() % words.size()] + " ";
    lines += nlohmann::json{{"text", text}}.dump() + "\n";
  }
  return lines;
}

std::vector<std::string> command_of(const StartOptions& options) {
  auto command = options.before;
  command.insert(command.end(), {LLMTRAIN_BINARY_DIR "/llmtrain", "pretrain", "p.yaml"});
  command.insert(command.end(), options.arguments.begin(), options.arguments.end());
  return command;
}

fs::path unused_name(const fs::path& folder, const std::string& stem) {
  for (int n = 0;; ++n) {
    auto path = folder / fmt::format("{}-{}", stem, n);
    if (!fs::exists(path)) return path;
  }
}

}  // namespace

RunningTraining::RunningTraining(const fs::path& folder, const StartOptions& options)
    : err_path_(unused_name(folder, "err")), out_path_(unused_name(folder, "out")) {
  const auto command = command_of(options);
  std::vector<char*> argv;
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  pid_ = ::fork();
  ENSURE(pid_ >= 0);
  if (pid_ == 0) {
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (::chdir(folder.c_str()) != 0) ::_exit(127);
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out_path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDOUT_FILENO);
    ::dup2(::open(err_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), STDERR_FILENO);
    if (options.before_exec) options.before_exec();
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
}

RunningTraining::~RunningTraining() {
  if (status_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void RunningTraining::signal(int number) const { ENSURE(::kill(pid_, number) == 0, number); }

bool RunningTraining::ended() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_.has_value();
}

std::string RunningTraining::err() const { return fs::exists(err_path_) ? slurp(err_path_) : ""; }

bool RunningTraining::wait_until(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    if (condition()) return true;
    if (ended()) return false;
    std::this_thread::sleep_for(kLook);
  }
  return false;
}

bool RunningTraining::wait_for(const std::string& text) {
  return wait_until([&] { return err().find(text) != std::string::npos; });
}

void RunningTraining::wait_in_the_start(std::chrono::microseconds delay) {
  const auto end = std::chrono::steady_clock::now() + delay;
  wait_until([&] { return std::chrono::steady_clock::now() >= end || trains(); });
}

bool RunningTraining::trains() const { return err().find("tok/s") != std::string::npos; }

ProgramResult RunningTraining::wait() {
  if (!status_) {
    int status = 0;
    ENSURE(::waitpid(pid_, &status, 0) == pid_);
    status_ = status;
  }
  const int code = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
  return {.exit_code = code, .out = slurp(out_path_), .err = err(), .seconds = 0};
}

TrainingFolder::TrainingFolder(std::string pipeline) {
  folder_.write("p.yaml", pipeline);
  write_data(1);
}

void TrainingFolder::write_data(unsigned seed) const { folder_.write("data.jsonl", seeded_documents(seed)); }

fs::path TrainingFolder::checkpoint(std::int64_t step) const { return checkpoints() / fmt::format("step-{}", step); }

TrainingFolder& TrainingFolder::set(std::string override_text) {
  overrides_.push_back(std::move(override_text));
  return *this;
}

std::unique_ptr<RunningTraining> TrainingFolder::start(StartOptions options) const {
  std::vector<std::string> arguments;
  for (const auto& text : overrides_) arguments.insert(arguments.end(), {"--set", text});
  options.arguments.insert(options.arguments.begin(), arguments.begin(), arguments.end());
  return std::make_unique<RunningTraining>(path(), options);
}

ProgramResult TrainingFolder::run(StartOptions options) const { return start(std::move(options))->wait(); }

void TrainingFolder::stop_after(std::int64_t step) const {
  const auto result = run({.environment = hooks(fmt::format("stop_at_step={}", step))});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_TRUE(fs::exists(checkpoint(step))) << result.err;
}

Reference::Reference(const std::vector<std::string>& overrides, const char* pipeline) : folder_(pipeline) {
  for (const auto& text : overrides) folder_.set(text);
  const auto result = folder_.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find('\n', start), text.size());
    lines.push_back(nlohmann::json::parse(text.substr(start, end - start), nullptr, false));
    EXPECT_FALSE(lines.back().is_discarded()) << text.substr(start, end - start);
    start = end + 1;
  }
  return lines;
}

std::vector<nlohmann::json> comparable_metrics(const fs::path& stage) {
  std::vector<nlohmann::json> lines;
  for (auto line : json_lines(slurp(stage / "metrics.jsonl"))) {
    const std::string event = line.value("event", "");
    if (event == "resume" || event == "stop" || event == "time") continue;
    for (const char* key : {"t", "tokens_per_second", "mfu", "memory_bytes"}) line.erase(key);
    lines.push_back(std::move(line));
  }
  return lines;
}

void expect_same(const TrainingFolder& got, const TrainingFolder& reference, std::int64_t step) {
  std::vector<fs::path> files = {"model/model.safetensors", "model/tokenizer.json", "model/config.json"};
  for (const char* name : {"weights.safetensors", "optimizer.safetensors"}) {
    files.push_back(fs::path("checkpoints") / fmt::format("step-{}", step) / name);
  }
  for (const auto& name : names_in(reference.stage() / "samples")) files.push_back(fs::path("samples") / name);
  for (const auto& file : files) {
    EXPECT_TRUE(slurp(got.stage() / file) == slurp(reference.stage() / file)) << file << " differs";
  }
  EXPECT_EQ(comparable_metrics(got.stage()), comparable_metrics(reference.stage()));
}

std::map<std::string, std::pair<std::string, fs::file_time_type>> all_files(const fs::path& folder) {
  std::map<std::string, std::pair<std::string, fs::file_time_type>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == ".lock") continue;
    files[entry.path().string()] = {slurp(entry.path()), entry.last_write_time()};
  }
  return files;
}

bool save_in_flight(const fs::path& checkpoints) {
  const auto names = names_in(checkpoints);
  return std::any_of(names.begin(), names.end(),
                     [](const auto& name) { return name.find(".tmp-") != std::string::npos; });
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code gone;
  for (const auto& entry : fs::directory_iterator(folder, gone)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace llmtrain
