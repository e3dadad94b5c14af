#include "lib/ops/wide_product.h"

#include <algorithm>
#include <limits>

#include <ATen/ops/mm.h>

#include "lib/base/error.h"

// Of MKL, within LibTorch; another build of LibTorch may have none, and then this is null.
extern "C" __attribute__((weak)) void cblas_gemm_bf16bf16f32(int layout, int transpose_a, int transpose_b, int m, int n,
                                                             int k, float alpha, const void* a, int stride_a,
                                                             const void* b, int stride_b, float beta, float* c,
                                                             int stride_c);

namespace llmtrain {
namespace {

bool multiplies_bf16() {
#if defined(__x86_64__)
  return cblas_gemm_bf16bf16f32 != nullptr && __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

// A matrix as BLAS takes it: rows one after the other, or those of its transpose.
struct Operand {
  at::Tensor matrix;
  bool transposed = false;
  int stride = 0;
};

Operand operand(const at::Tensor& x) {
  const auto fits = [](std::int64_t n) { return n <= std::numeric_limits<int>::max(); };
  ENSURE(x.dim() == 2 && fits(x.size(0)) && fits(x.size(1)), x.dim(), x.numel());
  const bool transposed = x.stride(0) == 1 && x.stride(1) >= x.size(0) && x.size(0) > 1;
  if (transposed) return {.matrix = x, .transposed = true, .stride = static_cast<int>(x.stride(1))};
  const bool straight = x.stride(1) == 1 && x.stride(0) >= x.size(1);
  const auto rows = straight ? x : x.contiguous();
  return {.matrix = rows, .transposed = false, .stride = static_cast<int>(std::max(rows.stride(0), rows.size(1)))};
}

void multiply(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b, float beta) {
  constexpr int kRowMajor = 101;
  const auto flag = [](const Operand& x) { return x.transposed ? 112 : 111; };
  ENSURE(to.is_contiguous() && to.size(0) == a.size(0) && to.size(1) == b.size(1) && a.size(1) == b.size(0), to.size(0),
         to.size(1), a.size(1));
  if (to.numel() == 0) return;
  const auto left = operand(a);
  const auto right = operand(b);
  cblas_gemm_bf16bf16f32(kRowMajor, flag(left), flag(right), static_cast<int>(a.size(0)), static_cast<int>(b.size(1)),
                         static_cast<int>(a.size(1)), 1, left.matrix.const_data_ptr(), left.stride,
                         right.matrix.const_data_ptr(), right.stride, beta, to.mutable_data_ptr<float>(),
                         static_cast<int>(to.size(1)));
}

bool widens(const at::Tensor& to, const at::Tensor& a) {
  return to.scalar_type() == at::kFloat && a.scalar_type() == at::kBFloat16;
}

}  // namespace

void product_into(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b) {
  if (to.scalar_type() == a.scalar_type()) {
    auto out = to;
    at::mm_out(out, a, b);
  } else if (widens(to, a) && multiplies_bf16()) {
    multiply(to, a, b, 0);
  } else {
    to.copy_(at::mm(a, b));
  }
}

void add_product(const at::Tensor& to, const at::Tensor& a, const at::Tensor& b) {
  if (to.scalar_type() == a.scalar_type()) {
    to.addmm_(a, b);
  } else if (widens(to, a) && multiplies_bf16()) {
    multiply(to, a, b, 1);
  } else {
    to.add_(at::mm(a, b));
  }
}

}  // namespace llmtrain
