#include "tests/checkpoint/sample_checkpoint.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/random.h"
#include "lib/checkpoint/retention.h"

namespace llmtrain {
namespace fs = std::filesystem;

namespace {

struct Row {
  const char* name;
  const char* dtype;
  std::vector<std::int64_t> shape;
  std::size_t bytes;
};

}  // namespace

SampleCheckpoint::SampleCheckpoint(std::int64_t step) {
  const std::vector<std::vector<Row>> files = {
      {{"embed.weight", "F32", {5, 7}, 140}, {"none", "F32", {0, 3}, 0}, {"scale", "F64", {}, 8}},
      {{"exp_avg.embed.weight", "F32", {5, 7}, 140}, {"exp_avg_sq.embed.weight", "F32", {5, 7}, 140}}};
  content.step = step;
  content.run_id = "run-1";
  content.facts = fmt::format(R"({{"progress":{{"step":{}}}}})", step);
  RandomStream random(7, "sample_checkpoint", static_cast<std::uint64_t>(step));
  for (const auto& rows : files) {
    CheckpointFile file{.name = fmt::format("part{}.safetensors", content.files.size()), .header = "", .tensors = {}};
    file.header = fmt::format("header {} of step {}", content.files.size(), step);
    for (const auto& row : rows) {
      auto& buffer = bytes.emplace_back(row.bytes);
      std::generate(buffer.begin(), buffer.end(), [&] { return static_cast<std::byte>(random.next_u32()); });
      file.tensors.push_back({.name = row.name, .dtype = row.dtype, .shape = row.shape, .bytes = buffer});
    }
    content.files.push_back(std::move(file));
  }
}

fs::path save_sample(const fs::path& folder, std::int64_t step) {
  return save_checkpoint(folder, SampleCheckpoint(step).content);
}

std::string difference_from_sample(const CheckpointReader& reader) {
  const SampleCheckpoint sample(reader.manifest().step);
  if (reader.manifest().run_id != sample.content.run_id) return "run id";
  if (reader.manifest().facts != sample.content.facts) return "facts";
  for (const auto& file : sample.content.files) {
    for (const auto& tensor : file.tensors) {
      std::vector<std::byte> got(tensor.bytes.size());
      reader.read(file.name, tensor.name, got);
      if (!std::equal(got.begin(), got.end(), tensor.bytes.begin())) return tensor.name;
    }
  }
  return "";
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string faults_in(const fs::path& folder) {
  std::string faults;
  for (const auto& entry : list_checkpoints(folder)) {
    try {
      const auto difference = difference_from_sample(CheckpointReader(entry.path));
      if (!difference.empty()) faults += fmt::format("{}: {}\n", entry.path.string(), difference);
    } catch (const Error& error) {
      faults += fmt::format("{}\n", error.what());
    }
  }
  return faults;
}

pid_t start_child(const std::function<int()>& work, const fs::path& message) {
  const pid_t child = ::fork();
  ENSURE(child >= 0);
  if (child != 0) return child;
  int code = 70;
  try {
    code = work();
  } catch (const Error& error) {
    code = static_cast<int>(error.code());
    if (!message.empty()) std::ofstream(message) << error.what();
  } catch (...) {
  }
  ::_exit(code);
}

int wait_for(pid_t child) {
  int status = 0;
  ENSURE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::chrono::microseconds time_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  run_child([&] {
    work();
    return 0;
  });
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

void kill_again_and_again(const KillLoop& loop, const std::function<void()>& work, const std::function<void()>& look) {
  RandomStream random(3, "kill_again_and_again");
  for (int round = 0; round < loop.rounds; ++round) {
    const pid_t child = start_child([&]() -> int {
      for (;;) work();
    });
    std::this_thread::sleep_for(
        std::chrono::microseconds(random.below(static_cast<std::uint64_t>(loop.longest.count() * (16 + round) / 16))));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(wait_for(child), 128 + SIGKILL) << "round " << round;
    look();
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace llmtrain
