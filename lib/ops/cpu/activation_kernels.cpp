#include "lib/ops/cpu/activation_kernels.h"

#include <cmath>
#include <numbers>
#include <type_traits>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lib/ops/cpu/simd.h"
#include "lib/ops/cpu/vector_math.h"

namespace llmtrain {
namespace {

// One row of ffn gates and ups, or a run of elements.
template <class T>
struct Run {
  const T* x = nullptr;   // gates, or gelu's input
  const T* up = nullptr;  // swiglu alone
  const T* gy = nullptr;  // backward alone
  T* out = nullptr;       // y, or dx
  T* dup = nullptr;       // swiglu's backward alone
  std::int64_t count = 0;
};

template <class T>
LLMTRAIN_INLINE void swiglu_body(const Run<T>& r) {
  using C = Compute<T>;
#pragma omp simd
  for (std::int64_t i = 0; i < r.count; ++i) {
    const C gate = load(r.x[i]);
    store(r.out[i], gate * vector_sigmoid(gate).value * load(r.up[i]));
  }
}

template <class T>
LLMTRAIN_INLINE void swiglu_backward_body(const Run<T>& r) {
  using C = Compute<T>;
#pragma omp simd
  for (std::int64_t i = 0; i < r.count; ++i) {
    const C gate = load(r.x[i]);
    const C up = load(r.up[i]);
    const C gy = load(r.gy[i]);
    const Sigmoid<C> sigmoid = vector_sigmoid(gate);
    const C silu = gate * sigmoid.value;
    store(r.dup[i], gy * silu);
    store(r.out[i], gy * up * (sigmoid.value + silu * sigmoid.rest));
  }
}

// x Phi(x) and its derivative.
template <class C>
struct Gelu {
  C value = 0;
  C slope = 0;
};

template <class C>
LLMTRAIN_INLINE Gelu<C> gelu_tanh(C x) {
  constexpr C kInner = static_cast<C>(2 * std::numbers::inv_sqrtpi * std::numbers::sqrt2);  // 2 sqrt(2 / pi)
  constexpr C kCube = static_cast<C>(0.044715);
  // From here on it is 0 or the identity to the last bit of fp32, and e^-2u is a number up to here.
  constexpr C kFar = static_cast<C>(std::is_same_v<C, float> ? 9.9 : 20);
  const C bounded = std::copysign(bounded_size(x, kFar), x);
  const C square = bounded * bounded;
  // (1 + tanh(u)) / 2 = 1 / (1 + e^-2u)
  const Sigmoid<C> gate = vector_sigmoid_within(kInner * bounded * (C{1} + kCube * square));
  const C slope = gate.value + x * gate.value * gate.rest * (kInner * (C{1} + 3 * kCube * square));
  return {x * gate.value, slope};
}

template <class C>
LLMTRAIN_INLINE Gelu<C> gelu_erf(C x) {
  const Normal<C> normal = vector_normal(x);
  return {x * normal.below, normal.below + x * normal.density};
}

template <bool kTanh, class T>
LLMTRAIN_INLINE void gelu_body(const Run<T>& r) {
#pragma omp simd
  for (std::int64_t i = 0; i < r.count; ++i) {
    const Compute<T> x = load(r.x[i]);
    store(r.out[i], kTanh ? gelu_tanh(x).value : gelu_erf(x).value);
  }
}

template <bool kTanh, class T>
LLMTRAIN_INLINE void gelu_backward_body(const Run<T>& r) {
#pragma omp simd
  for (std::int64_t i = 0; i < r.count; ++i) {
    const Compute<T> x = load(r.x[i]);
    store(r.out[i], load(r.gy[i]) * (kTanh ? gelu_tanh(x).slope : gelu_erf(x).slope));
  }
}

#define LLMTRAIN_ACTIVATIONS(T)                                                                 \
  LLMTRAIN_CLONES void swiglu_run(const Run<T>& r) { swiglu_body(r); }                          \
  LLMTRAIN_CLONES void swiglu_backward_run(const Run<T>& r) { swiglu_backward_body(r); }        \
  LLMTRAIN_CLONES void gelu_tanh_run(const Run<T>& r) { gelu_body<true>(r); }                   \
  LLMTRAIN_CLONES void gelu_erf_run(const Run<T>& r) { gelu_body<false>(r); }                   \
  LLMTRAIN_CLONES void gelu_tanh_backward_run(const Run<T>& r) { gelu_backward_body<true>(r); } \
  LLMTRAIN_CLONES void gelu_erf_backward_run(const Run<T>& r) { gelu_backward_body<false>(r); }
LLMTRAIN_ACTIVATIONS(float)
LLMTRAIN_ACTIVATIONS(double)
LLMTRAIN_ACTIVATIONS(c10::BFloat16)
#undef LLMTRAIN_ACTIVATIONS

constexpr std::int64_t kGrain = 8192;

}  // namespace

at::Tensor swiglu_forward(const at::Tensor& gate_up) {
  const at::Tensor input = gate_up.contiguous();
  const std::int64_t ffn = input.size(1) / 2;
  at::Tensor y = at::empty({input.size(0), ffn}, input.options());
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* gates = input.const_data_ptr<T>();
    T* out = y.mutable_data_ptr<T>();
    at::parallel_for(0, input.size(0), parallel_grain(2 * ffn), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* gate = gates + row * 2 * ffn;
        swiglu_run({.x = gate, .up = gate + ffn, .gy = nullptr, .out = out + row * ffn, .dup = nullptr, .count = ffn});
      }
    });
  });
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& gy, const at::Tensor& gate_up) {
  const at::Tensor input = gate_up.contiguous();
  const at::Tensor gradient = gy.contiguous();
  const std::int64_t ffn = input.size(1) / 2;
  at::Tensor dx = at::empty(input.sizes(), input.options());
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* gates = input.const_data_ptr<T>();
    const T* gys = gradient.const_data_ptr<T>();
    T* out = dx.mutable_data_ptr<T>();
    at::parallel_for(0, input.size(0), parallel_grain(2 * ffn), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* gate = gates + row * 2 * ffn;
        T* dgate = out + row * 2 * ffn;
        swiglu_backward_run(
            {.x = gate, .up = gate + ffn, .gy = gys + row * ffn, .out = dgate, .dup = dgate + ffn, .count = ffn});
      }
    });
  });
  return dx;
}

at::Tensor gelu_forward(const at::Tensor& x, GeluKind kind) {
  const at::Tensor input = x.contiguous();
  at::Tensor y = at::empty(input.sizes(), input.options());
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = input.const_data_ptr<T>();
    T* out = y.mutable_data_ptr<T>();
    at::parallel_for(0, input.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      const Run<T> run = {
          .x = from + begin, .up = nullptr, .gy = nullptr, .out = out + begin, .dup = nullptr, .count = end - begin};
      kind == GeluKind::kTanh ? gelu_tanh_run(run) : gelu_erf_run(run);
    });
  });
  return y;
}

at::Tensor gelu_backward(const at::Tensor& gy, const at::Tensor& x, GeluKind kind) {
  const at::Tensor input = x.contiguous();
  const at::Tensor gradient = gy.contiguous();
  at::Tensor dx = at::empty(input.sizes(), input.options());
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = input.const_data_ptr<T>();
    const T* gys = gradient.const_data_ptr<T>();
    T* out = dx.mutable_data_ptr<T>();
    at::parallel_for(0, input.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      const Run<T> run = {.x = from + begin,
                          .up = nullptr,
                          .gy = gys + begin,
                          .out = out + begin,
                          .dup = nullptr,
                          .count = end - begin};
      kind == GeluKind::kTanh ? gelu_tanh_backward_run(run) : gelu_erf_backward_run(run);
    });
  });
  return dx;
}

}  // namespace llmtrain
