#pragma once
#include <cmath>
#include <numbers>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {

// e^x for kernels. float: a range reduction and a polynomial 1 + r + r^2 q(r) whose q is fitted for the least relative
// error (3.1e-9 before rounding); less than 1 unit in the last place from the exact value with fused multiply-add, 2
// without. Beyond +-87 held at the value there, so nothing is infinite or subnormal; NaN stays NaN.
LLMTRAIN_INLINE double vector_exp(double x) { return std::exp(x); }

// For x within +-87.
LLMTRAIN_INLINE float vector_exp_within(float x) {
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kLn2High = 0.693359375F;  // few bits, so that its product with a small whole number is exact
  constexpr float kLn2Low = -2.12194440054690583e-4F;
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
  const float shifted = x * kLog2E + kRounder;
  const float whole = shifted - kRounder;
  const float rest = (x - whole * kLn2High) - whole * kLn2Low;
  float p = 0.001381454004F;
  p = p * rest + 0.00836874513F;
  p = p * rest + 0.04166839079F;
  p = p * rest + 0.166665204F;
  p = p * rest + 0.4999999343F;
  p = p * rest + 1.0F;
  p = p * rest + 1.0F;
  std::uint32_t exponent = 0;
  std::uint32_t bits = 0;
  std::memcpy(&exponent, &shifted, sizeof exponent);
  std::memcpy(&bits, &p, sizeof bits);
  bits += exponent << 23U;
  std::memcpy(&p, &bits, sizeof p);
  return p;
}

LLMTRAIN_INLINE float vector_exp(float x) {
  constexpr float kLimit = 87.0F;
  x = x > kLimit ? kLimit : x;
  x = x < -kLimit ? -kLimit : x;
  return vector_exp_within(x);
}

// min(|x|, limit), also for NaN: as whole numbers, for that is one instruction, where a comparison of floats is two.
LLMTRAIN_INLINE double bounded_size(double x, double limit) { return std::abs(x) < limit ? std::abs(x) : limit; }
LLMTRAIN_INLINE float bounded_size(float x, float limit) {
  std::uint32_t bits = 0;
  std::uint32_t limit_bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  std::memcpy(&limit_bits, &limit, sizeof limit_bits);
  bits &= 0x7FFFFFFFU;
  bits = bits < limit_bits ? bits : limit_bits;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// 1 / (1 + e^-x) and, without cancellation, 1 minus that. fp32 gives a number for NaN.
template <class C>
struct Sigmoid {
  C value = 0;
  C rest = 0;
};
template <class C>
LLMTRAIN_INLINE Sigmoid<C> sigmoid_of(C e) {
  const C value = C{1} / (C{1} + e);
  return {value, e * value};
}
LLMTRAIN_INLINE Sigmoid<float> vector_sigmoid(float x) {
  return sigmoid_of(vector_exp_within(-std::copysign(bounded_size(x, 87.0F), x)));
}
LLMTRAIN_INLINE Sigmoid<double> vector_sigmoid(double x) {
  constexpr double kLimit = 708.0;  // beyond it e would be infinite, and the rest NaN
  return sigmoid_of(vector_exp(x < -kLimit ? kLimit : -x));
}
// For x within +-87.
LLMTRAIN_INLINE Sigmoid<double> vector_sigmoid_within(double x) { return vector_sigmoid(x); }
LLMTRAIN_INLINE Sigmoid<float> vector_sigmoid_within(float x) { return sigmoid_of(vector_exp_within(-x)); }

// The standard normal distribution at x: its density and what lies below x.
template <class C>
struct Normal {
  C density = 0;
  C below = 0;
};

LLMTRAIN_INLINE Normal<double> vector_normal(double x) {
  return {std::exp(-x * x / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2,
          std::erfc(-x / std::numbers::sqrt2) / 2};
}

// float: the tail beyond |x| is e^(-x^2/2) times a polynomial in 1 / (1 + 0.42 |x| / sqrt(2)), the form of Abramowitz
// and Stegun 7.1.26. The coefficients are fitted for the least relative error up to |x| = 8.4, which is 3.3e-8 before
// rounding; beyond, the tail is below 3e-17. NaN gives a number.
LLMTRAIN_INLINE Normal<float> vector_normal(float x) {
  constexpr auto kScale = static_cast<float>(0.42 / std::numbers::sqrt2);
  constexpr auto kPeak = static_cast<float>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  const float size = bounded_size(x, 13.0F);
  const float bell = vector_exp_within(-0.5F * size * size);
  const float k = 1.0F / (1.0F + kScale * size);
  float p = 0.0380974453F;
  p = p * k - 0.172938946F;
  p = p * k + 0.243228515F;
  p = p * k - 0.0872670671F;
  p = p * k + 0.146629883F;
  p = p * k + 0.0934127811F;
  p = p * k + 0.120473641F;
  p = p * k + 0.118363764F;
  const float tail = p * k * bell;
  return {kPeak * bell, x < 0 ? tail : 1.0F - tail};
}

}  // namespace llmtrain
