#pragma once
#include <string>
#include <vector>

#include "apps/engine/machine.h"

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
  std::vector<std::string> instruction_sets;
  Memory memory;
  std::string glibc;
  std::string compiler;
};

// Multiplies two matrices on all threads and looks at the process.
DoctorReport examine();

std::string to_text(const DoctorReport& report);
std::string to_json(const DoctorReport& report);

// Throws Error (70), saying what does not fit and what to do, unless exactly one OpenMP runtime is in the process and
// the LibTorch that was loaded is the one that was compiled against.
void check(const DoctorReport& report);

}  // namespace llmtrain
