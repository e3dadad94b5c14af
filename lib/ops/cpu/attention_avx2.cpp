#include "lib/ops/cpu/attention_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define LLMTRAIN_VECTOR_BYTES 32
#define LLMTRAIN_TILE_VECTORS 2
#define LLMTRAIN_TILE_ROWS 6

#include <cmath>
#include <limits>
#include <utility>

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#include "lib/ops/cpu/attention_decode.h"

namespace llmtrain {

template <>
AttentionKernel<float> attention_kernel_avx2() {
  return kernel<float>();
}
template <>
AttentionKernel<double> attention_kernel_avx2() {
  return kernel<double>();
}
template <>
AttentionKernel<c10::BFloat16> attention_kernel_avx2() {
  return kernel<c10::BFloat16>();
}

}  // namespace llmtrain
#pragma GCC pop_options

#else

namespace llmtrain {

template <>
AttentionKernel<float> attention_kernel_avx2() {
  return {};
}
template <>
AttentionKernel<double> attention_kernel_avx2() {
  return {};
}
template <>
AttentionKernel<c10::BFloat16> attention_kernel_avx2() {
  return {};
}

}  // namespace llmtrain
#endif
