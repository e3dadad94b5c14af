#pragma once
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "lib/checkpoint/checkpoint_reader.h"
#include "lib/checkpoint/save_protocol.h"
#include "tests/support/test_support.h"

namespace llmtrain {

// A small checkpoint every byte of which follows from its step: two files, five tensors, one without elements, one
// without dimensions.
struct SampleCheckpoint {
  explicit SampleCheckpoint(std::int64_t step);
  SampleCheckpoint(const SampleCheckpoint&) = delete;
  SampleCheckpoint& operator=(const SampleCheckpoint&) = delete;

  std::vector<std::vector<std::byte>> bytes;  // what the content's spans point into
  CheckpointContent content;
};

std::filesystem::path save_sample(const std::filesystem::path& folder, std::int64_t step);

// Nothing if every byte is the sample's of the manifest's step.
std::string difference_from_sample(const CheckpointReader& reader);

// Names in a folder, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder);

// Why checkpoints under a folder are not what their names say: one line each. Empty where all are whole and the
// sample's.
std::string faults_in(const std::filesystem::path& folder);

// A process that does `work` and ends with what it returns, or with the exit code of the Error that it throws, whose
// message goes to `message` where that is given. Nothing of the test's own is run at its end.
pid_t start_child(const std::function<int()>& work, const std::filesystem::path& message = "");
// 128 + signal if a signal ended it.
int wait_for(pid_t child);
inline int run_child(const std::function<int()>& work, const std::filesystem::path& message = "") {
  return wait_for(start_child(work, message));
}

// Of a process that does it.
std::chrono::microseconds time_of(const std::function<void()>& work);

// Does `work` again and again in a process that is killed after a moment that the seed chooses, `rounds` times; looks
// after each. The moments grow from round to round, so that some work is done whatever the machine is busy with.
struct KillLoop {
  int rounds = 0;
  std::chrono::microseconds longest{};  // at first
};
void kill_again_and_again(const KillLoop& loop, const std::function<void()>& work, const std::function<void()>& look);

}  // namespace llmtrain
