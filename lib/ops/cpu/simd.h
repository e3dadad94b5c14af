#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>

#include "lib/base/error.h"

// How kernels for CPUs are written: plain loops over rows, compiled once for each instruction set by LLMTRAIN_CLONES,
// chosen when the program is loaded. What such a function calls must be LLMTRAIN_INLINE, or it runs as the oldest
// processor would. Clones of one function may differ in the last bit (fused multiply-add).
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)
#define LLMTRAIN_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LLMTRAIN_CLONES
#endif
#define LLMTRAIN_INLINE inline __attribute__((always_inline))

namespace llmtrain {

// What a kernel computes in.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

inline at::ScalarType compute_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

LLMTRAIN_INLINE float load(float x) { return x; }
LLMTRAIN_INLINE double load(double x) { return x; }
LLMTRAIN_INLINE float load(c10::BFloat16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x.x) << 16U;
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

LLMTRAIN_INLINE void store(float& to, float x) { to = x; }
LLMTRAIN_INLINE void store(double& to, double x) { to = x; }
// To the nearest, ties to even.
LLMTRAIN_INLINE void store(c10::BFloat16& to, float x) {
  constexpr std::uint32_t kHalf = 0x7FFF;
  constexpr std::uint32_t kNan = 0x7FC0;
  std::uint32_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  const std::uint32_t rounded = (bits + kHalf + ((bits >> 16U) & 1U)) >> 16U;
  to.x = static_cast<std::uint16_t>(x == x ? rounded : kNan);
}

// Calls work(T{}) with the C++ type of `type`: float, double or BFloat16.
template <class Work>
void with_float_type(at::ScalarType type, Work&& work) {
  if (type == at::kFloat) return work(float{});
  if (type == at::kBFloat16) return work(c10::BFloat16{});
  ENSURE(type == at::kDouble, c10::toString(type));
  work(double{});
}

// The grain for at::parallel_for over items of `size` elements each: as many as are worth waking a thread for.
inline std::int64_t parallel_grain(std::int64_t size) {
  constexpr std::int64_t kElements = 16384;
  return std::max<std::int64_t>(1, kElements / std::max<std::int64_t>(1, size));
}

}  // namespace llmtrain
