#include "lib/ops/mkl_switch.h"

#include <cstdlib>
#include <string_view>

#include <ATen/Context.h>
#include <dlfcn.h>

namespace llmtrain {
namespace {

bool is_allowed() {
  const char* const value = std::getenv("LLMTRAIN_MKL_AVX512");
  return value == nullptr || std::string_view(value) != "0";
}

}  // namespace

bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool is_intel() { return __builtin_cpu_is("intel"); }

bool avx512_gemm_switched_on() {
  void* const answering = ::dlsym(RTLD_DEFAULT, "mkl_serv_intel_cpu_true");
  const bool is_ours = answering == reinterpret_cast<void*>(&mkl_serv_intel_cpu_true);
  return is_ours && at::hasMKL() && !is_intel() && mkl_serv_intel_cpu_true() == 1;
}

}  // namespace llmtrain

int mkl_serv_intel_cpu_true() {
  // Once: MKL must not be told one thing and then another.
  static const bool answer = llmtrain::is_intel() || (llmtrain::has_avx512() && llmtrain::is_allowed());
  return answer ? 1 : 0;
}
