#pragma once
#include <cstdint>
#include <string>

namespace llmtrain {

// What the process runs on, chosen once, before the first tensor.
struct RuntimeOptions {
  int threads = 0;         // 0: as many as the processors it may run on, fewer where env OMP_NUM_THREADS says so
  bool huge_pages = true;  // env LLMTRAIN_HUGE_PAGES=0 turns it off
};

struct RuntimeChoices {
  int threads = 0;
  bool pinned = false;  // each OpenMP thread stays on a place of its own (env OMP_PROC_BIND, OMP_PLACES)
  bool caching_allocator = false;
  bool huge_pages = false;   // the kernel gives them to who asks
  bool avx512_gemm = false;  // MKL takes AVX-512 kernels although the processor is not Intel's
  std::string kernels;       // instruction set of LibTorch's own kernels
};

// Where OpenMP binds threads (env OMP_PROC_BIND), it has bound the one that loaded it to its first place, and every
// thread that this one starts, a loader's or a writer's, would inherit that; available_processors() says 1. This gives
// the calling thread all places back; OpenMP binds those that it starts itself. First thing in the engine's main.
void use_all_processors();

// Installs the caching allocator; sets threads, flush-to-zero on each of them and deterministic algorithms; calls
// use_all_processors(). Before the first tensor; once (ENSURE).
RuntimeChoices start_runtime(const RuntimeOptions& options);

// Bytes of tensors, as the caching allocator counts them; zeros before start_runtime().
struct TensorMemory {
  std::uint64_t now = 0;                 // handed out
  std::uint64_t peak = 0;                // most handed out since reset_peak_memory()
  std::uint64_t reserved = 0;            // taken from the system: handed out and kept for reuse
  std::uint64_t system_allocations = 0;  // how often memory was taken from the system
};
TensorMemory tensor_memory();
void reset_peak_memory();
// Gives what is kept for reuse back to the system, e.g. between two stages; how many bytes that were.
std::uint64_t trim_memory();

}  // namespace llmtrain
