#include "lib/ops/runtime.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <vector>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/CPUAllocator.h>
#include <fcntl.h>
#include <omp.h>
#include <sched.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/ops/caching_allocator.h"
#include "lib/ops/mkl_switch.h"

namespace llmtrain {
namespace {

// Null before start_runtime(). c10 keeps the pointer, so we need no global of our own.
CachingAllocator* installed_allocator() { return dynamic_cast<CachingAllocator*>(c10::GetCPUAllocator()); }

// A function-local static, made when it is first asked for and never destroyed: tensors in LibTorch's own statics and
// in other threads are freed after those of this program are gone.
CachingAllocator& process_allocator(bool huge_pages) {
  union Immortal {
    explicit Immortal(bool huge) : allocator(huge) {}
    ~Immortal() {}
    CachingAllocator allocator;
  };
  static Immortal immortal(huge_pages);
  return immortal.allocator;
}

// The file reads e.g. "always [madvise] never", the state in brackets; there is none in a kernel without huge pages.
bool kernel_gives_huge_pages() {
  const FileDescriptor file(::open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY | O_CLOEXEC));
  std::array<char, 256> text{};
  const auto length = file.get() < 0 ? 0 : ::read(file.get(), text.data(), text.size());
  const std::string_view states(text.data(), static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return states.find("[always]") != states.npos || states.find("[madvise]") != states.npos;
}

bool is_zero(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && std::string_view(value) == "0";
}

void flush_denormals_on_all_threads(int threads) {
  ENSURE(at::globalContext().setFlushDenormal(true));
  // Threads that OpenMP starts later take the setting over from the one that starts them.
  at::parallel_for(0, threads, 1, [](std::int64_t, std::int64_t) { at::globalContext().setFlushDenormal(true); });
}

}  // namespace

void use_all_processors() {
  if (omp_get_num_places() == 0) return;
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int place = 0; place < omp_get_num_places(); ++place) {
    std::vector<int> processors(static_cast<std::size_t>(omp_get_place_num_procs(place)));
    omp_get_place_proc_ids(place, processors.data());
    for (const int processor : processors) CPU_SET(static_cast<std::size_t>(processor), &all);
  }
  ENSURE(::sched_setaffinity(0, sizeof(all), &all) == 0, CPU_COUNT(&all));
}

RuntimeChoices start_runtime(const RuntimeOptions& options) {
  ENSURE(installed_allocator() == nullptr);
  ENSURE(options.threads >= 0, options.threads);
  RuntimeChoices choices;
  choices.huge_pages = options.huge_pages && !is_zero("LLMTRAIN_HUGE_PAGES") && kernel_gives_huge_pages();
  c10::SetCPUAllocator(&process_allocator(choices.huge_pages), /*priority=*/255);
  choices.caching_allocator = c10::GetCPUAllocator() == &process_allocator(choices.huge_pages);

  // OpenMP counted the processors before it bound this thread to one of them.
  choices.threads = options.threads > 0 ? options.threads : std::min(omp_get_num_procs(), omp_get_max_threads());
  use_all_processors();
  at::set_num_threads(choices.threads);  // and tells MKL not to choose another number by itself
  at::set_num_interop_threads(1);
  choices.pinned = omp_get_proc_bind() != omp_proc_bind_false && omp_get_num_places() >= choices.threads;
  flush_denormals_on_all_threads(choices.threads);

  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  at::globalContext().setDeterministicFillUninitializedMemory(false);  // costs a pass over every new tensor
  at::globalContext().setDeterministicMkldnn(true);

  choices.avx512_gemm = avx512_gemm_switched_on();
  choices.kernels = at::get_cpu_capability();
  return choices;
}

TensorMemory tensor_memory() {
  const auto* const allocator = installed_allocator();
  return allocator == nullptr ? TensorMemory{} : allocator->memory();
}

void reset_peak_memory() {
  if (auto* const allocator = installed_allocator()) allocator->reset_peak();
}

std::uint64_t trim_memory() {
  auto* const allocator = installed_allocator();
  return allocator == nullptr ? 0 : allocator->trim();
}

}  // namespace llmtrain
