#pragma once
#include <cmath>
#include <numbers>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {

// e^x for kernels. float: a range reduction and a Taylor polynomial of degree 7, at most 2 units in the last place from
// the exact value; beyond +-87 held at the value there, so nothing is infinite or subnormal; NaN stays NaN.
LLMTRAIN_INLINE double vector_exp(double x) { return std::exp(x); }
LLMTRAIN_INLINE float vector_exp(float x) {
  constexpr float kLimit = 87.0F;
  constexpr float kLog2E = 1.44269504088896341F;
  constexpr float kLn2High = 0.693359375F;  // few bits, so that its product with a small whole number is exact
  constexpr float kLn2Low = -2.12194440054690583e-4F;
  constexpr float kRounder = 12582912.0F;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits
  x = x > kLimit ? kLimit : x;
  x = x < -kLimit ? -kLimit : x;
  const float shifted = x * kLog2E + kRounder;
  const float whole = shifted - kRounder;
  const float rest = (x - whole * kLn2High) - whole * kLn2Low;
  float p = 1.0F / 5040;
  p = p * rest + 1.0F / 720;
  p = p * rest + 1.0F / 120;
  p = p * rest + 1.0F / 24;
  p = p * rest + 1.0F / 6;
  p = p * rest + 0.5F;
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

// 1 / (1 + e^-x).
template <class C>
LLMTRAIN_INLINE C vector_sigmoid(C x) {
  return C{1} / (C{1} + vector_exp(-x));
}

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
// and Stegun 7.1.26. The coefficients are fitted for the least relative error up to |x| = 8.4, which is 4e-8 before
// rounding (scripts/fixtures/normal_tail.py).
LLMTRAIN_INLINE Normal<float> vector_normal(float x) {
  constexpr auto kScale = static_cast<float>(0.42 / std::numbers::sqrt2);
  constexpr auto kPeak = static_cast<float>(std::numbers::inv_sqrtpi / std::numbers::sqrt2);
  const float bell = vector_exp(-0.5F * x * x);
  const float size = x < 0 ? -x : x;
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
