#pragma once
#include <cstdint>
#include <string>

namespace llmtrain {

// What the process runs on, chosen once, before the first tensor.
struct RuntimeOptions {
  int threads = 0;         // 0: available_processors()
  bool huge_pages = true;  // env LLMTRAIN_HUGE_PAGES=0 turns it off
};

struct RuntimeChoices {
  int threads = 0;
  bool caching_allocator = false;
  bool huge_pages = false;   // the kernel gives them to who asks
  bool avx512_gemm = false;  // MKL takes AVX-512 kernels although the processor is not Intel's
  std::string kernels;       // instruction set of LibTorch's own kernels
};

// Installs the caching allocator, sets threads, flush-to-zero and what else speeds LibTorch up. First thing in the
// engine's main; once.
RuntimeChoices start_runtime(const RuntimeOptions& options);

// Bytes of tensors, as the caching allocator counts them.
struct TensorMemory {
  std::uint64_t now = 0;                 // handed out
  std::uint64_t peak = 0;                // most handed out since reset_peak()
  std::uint64_t reserved = 0;            // taken from the system: handed out and kept for reuse
  std::uint64_t system_allocations = 0;  // how often memory was taken from the system
};
TensorMemory tensor_memory();
void reset_peak_memory();

}  // namespace llmtrain
