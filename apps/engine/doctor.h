#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/engine/machine.h"
#include "lib/base/host_memory.h"
#include "lib/ops/runtime.h"

namespace llmtrain {

// What this process really runs on, seen from inside after LibTorch and its thread pool have worked once.
struct DoctorReport {
  std::string libtorch_version;         // of the headers that we were compiled with
  std::string libtorch_loaded_version;  // of the library that was loaded
  std::string libtorch_variant;         // what it was built for: "CPU" or e.g. "CUDA 13.0"
  std::string libtorch_path;
  std::string libtorch_kernels;  // the instruction set that ATen chose for its own kernels
  bool cuda_linked = false;      // its CUDA part is in this process
  int cuda_devices = 0;
  std::vector<std::string> openmp_runtimes;  // paths
  int threads = 0;                           // that LibTorch divides an operator among
  int process_threads = 0;                   // that the process has, after the product
  int interop_threads = 0;
  int processors_allowed = 0;  // sched_getaffinity
  int processors_online = 0;
  int cores = 0;  // of the processors allowed
  std::vector<std::string> instruction_sets;
  HostMemory memory;
  RuntimeChoices runtime;  // what was chosen for this machine
  std::string huge_pages;  // the kernel's setting: "always", "madvise", "never", "" where there are none
  double fp32_rate = 0;    // of matrix products, FLOP/s
  double bf16_rate = 0;
  std::optional<double>
      disk_rate;  // bytes a second to the working directory, synced; nothing where it cannot be written to
  std::vector<std::string> mend;  // what would make training faster or possible, a line each
  std::string glibc;
  std::string compiler;
};

// Starts the runtime, multiplies on all threads, measures for at most about two seconds and looks at the process.
// Throws stopped_error.
DoctorReport examine();

std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

// Throws Error (70), saying what does not fit and what to do, unless exactly one OpenMP runtime is in the process and
// the LibTorch that was loaded is the one that was compiled against.
void check(const DoctorReport& report);

}  // namespace llmtrain
