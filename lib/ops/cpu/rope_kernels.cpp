#include "lib/ops/cpu/rope_kernels.h"

#include <cstring>

#include <ATen/Parallel.h>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

template <class T>
struct Turn {
  const T* from = nullptr;
  T* to = nullptr;
  const Compute<T>* cosines = nullptr;
  const Compute<T>* sines = nullptr;
  std::int64_t heads = 0;
  std::int64_t half = 0;  // of a head
  Compute<T> sign = 1;
};

// The heads of one token.
template <class T>
LLMTRAIN_INLINE void turn_body(const Turn<T>& t) {
  using C = Compute<T>;
  for (std::int64_t head = 0; head < t.heads; ++head) {
    const T* from = t.from + head * 2 * t.half;
    T* to = t.to + head * 2 * t.half;
#pragma omp simd
    for (std::int64_t i = 0; i < t.half; ++i) {
      const C first = load(from[i]);
      const C second = load(from[i + t.half]);
      const C sine = t.sines[i] * t.sign;
      store(to[i], first * t.cosines[i] - second * sine);
      store(to[i + t.half], second * t.cosines[i] + first * sine);
    }
  }
}

LLMTRAIN_CLONES void turn_token(const Turn<float>& t) { turn_body(t); }
LLMTRAIN_CLONES void turn_token(const Turn<double>& t) { turn_body(t); }
LLMTRAIN_CLONES void turn_token(const Turn<c10::BFloat16>& t) { turn_body(t); }

}  // namespace

void rope_turn(const at::Tensor& from, const at::Tensor& to, const RopeTable& table, const at::Tensor& positions,
               const RopeHeads& heads, RopeDirection direction) {
  ENSURE(from.stride(1) == 1 && to.stride(1) == 1, from.stride(1), to.stride(1));
  ENSURE(table.cosines.scalar_type() == compute_type(from.scalar_type()), c10::toString(table.cosines.scalar_type()));
  const std::int64_t half = heads.head_dim / 2;
  const std::int64_t turned = heads.heads * heads.head_dim;
  const std::int64_t rest = from.is_same(to) ? 0 : from.size(1) - turned;
  const auto* position = positions.const_data_ptr<std::int32_t>();
  with_float_type(from.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const T* source = from.const_data_ptr<T>();
    T* target = to.mutable_data_ptr<T>();
    const C* cosines = table.cosines.const_data_ptr<C>();
    const C* sines = table.sines.const_data_ptr<C>();
    at::parallel_for(0, from.size(0), parallel_grain(from.size(1)), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t token = begin; token < end; ++token) {
        const T* row = source + token * from.stride(0);
        T* out = target + token * to.stride(0);
        turn_token({.from = row,
                    .to = out,
                    .cosines = cosines + position[token] * half,
                    .sines = sines + position[token] * half,
                    .heads = heads.heads,
                    .half = half,
                    .sign = direction == RopeDirection::kForward ? C{1} : C{-1}});
        if (rest > 0) std::memcpy(out + turned, row + turned, static_cast<std::size_t>(rest) * sizeof(T));
      }
    });
  });
}

}  // namespace llmtrain
