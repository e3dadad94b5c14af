#include "lib/ops/cpu/norm_kernels.h"

#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include "lib/ops/cpu/column_sums.h"
#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

// The rows of a tensor of two or three axes whose last is dense.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t inner = 1;  // rows to one step of the first axis
  std::int64_t outer_stride = 0;
  std::int64_t inner_stride = 0;

  LLMTRAIN_INLINE T* operator[](std::int64_t row) const {
    return data + row / inner * outer_stride + row % inner * inner_stride;
  }
};

template <class T>
struct Forward {
  Rows<const T> x;
  Rows<T> y;
  const Compute<T>* weight = nullptr;
  const Compute<T>* bias = nullptr;  // may be null
  Compute<T>* statistics = nullptr;  // may be null
  std::int64_t width = 0;
  double eps = 0;
};

template <class T>
struct Backward {
  Rows<const T> gy;
  Rows<const T> x;
  Rows<T> dx;
  const Compute<T>* weight = nullptr;
  const Compute<T>* statistics = nullptr;
  std::int64_t width = 0;
};

template <bool kCentred, class T>
LLMTRAIN_INLINE void forward_body(const Forward<T>& f, std::int64_t begin, std::int64_t end) {
  using C = Compute<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* x = f.x[row];
    T* y = f.y[row];
    C mean = 0;
    if constexpr (kCentred) {
#pragma omp simd reduction(+ : mean)
      for (std::int64_t i = 0; i < f.width; ++i) mean += load(x[i]);
      mean /= static_cast<C>(f.width);
    }
    C squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < f.width; ++i) squares += (load(x[i]) - mean) * (load(x[i]) - mean);
    const C scale = C{1} / std::sqrt(squares / static_cast<C>(f.width) + static_cast<C>(f.eps));
    if (f.bias != nullptr) {
#pragma omp simd
      for (std::int64_t i = 0; i < f.width; ++i) store(y[i], (load(x[i]) - mean) * scale * f.weight[i] + f.bias[i]);
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < f.width; ++i) store(y[i], (load(x[i]) - mean) * scale * f.weight[i]);
    }
    if (f.statistics != nullptr) {
      f.statistics[2 * row] = mean;
      f.statistics[2 * row + 1] = scale;
    }
  }
}

// The means over a row of g = gy * weight and of g * xhat, xhat = (x - mean) * scale.
template <class C>
struct RowMeans {
  C gradient = 0;
  C product = 0;
};

template <bool kCentred, class T, class C>
LLMTRAIN_INLINE RowMeans<C> row_means(const T* gy, const T* x, const C* weight, std::int64_t width, C mean) {
  C sum = 0;
  C product = 0;
  if constexpr (kCentred) {
#pragma omp simd reduction(+ : sum, product)
    for (std::int64_t i = 0; i < width; ++i) {
      const C g = load(gy[i]) * weight[i];
      sum += g;
      product += g * (load(x[i]) - mean);
    }
  } else {  // a loop of its own: GCC 12 vectorizes no loop with a sum that nobody reads
#pragma omp simd reduction(+ : product)
    for (std::int64_t i = 0; i < width; ++i) product += load(gy[i]) * weight[i] * load(x[i]);
  }
  return {.gradient = sum / static_cast<C>(width), .product = product / static_cast<C>(width)};
}

// dx = scale * (g - mean(g) - xhat * mean(g * xhat)); in the same pass gy * xhat and, where the norm has a mean, gy are
// added to the sums of columns.
template <bool kCentred, bool kSums, class T>
LLMTRAIN_INLINE void backward_body(const Backward<T>& b, std::int64_t begin, std::int64_t end, Compute<T>* weight_sums,
                                   Compute<T>* bias_sums) {
  using C = Compute<T>;
  const std::int64_t width = b.width;
  const C* weight = b.weight;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gy = b.gy[row];
    const T* x = b.x[row];
    T* dx = b.dx[row];
    const C mean = kCentred ? b.statistics[2 * row] : C{0};
    const C scale = b.statistics[2 * row + 1];
    const RowMeans<C> means = row_means<kCentred>(gy, x, weight, width, mean);
    const C slope = scale * scale * means.product;
    const C shift = scale * means.gradient;
#pragma omp simd
    for (std::int64_t i = 0; i < width; ++i) {
      const C g = load(gy[i]);
      const C xhat = (load(x[i]) - mean) * scale;
      if constexpr (kSums) weight_sums[i] += g * xhat;
      if constexpr (kSums && kCentred) bias_sums[i] += g;
      store(dx[i], scale * (g * weight[i]) - (slope * xhat + shift));
    }
  }
}

#define LLMTRAIN_NORM_KERNELS(T)                                                                           \
  LLMTRAIN_CLONES void layer_forward(const Forward<T>& f, std::int64_t begin, std::int64_t end) {          \
    forward_body<true>(f, begin, end);                                                                     \
  }                                                                                                        \
  LLMTRAIN_CLONES void rms_forward(const Forward<T>& f, std::int64_t begin, std::int64_t end) {            \
    forward_body<false>(f, begin, end);                                                                    \
  }                                                                                                        \
  LLMTRAIN_CLONES void layer_backward(const Backward<T>& b, std::int64_t begin, std::int64_t end,          \
                                      Compute<T>* weight_sums, Compute<T>* bias_sums) {                    \
    backward_body<true, true>(b, begin, end, weight_sums, bias_sums);                                      \
  }                                                                                                        \
  LLMTRAIN_CLONES void rms_backward(const Backward<T>& b, std::int64_t begin, std::int64_t end,            \
                                    Compute<T>* weight_sums) {                                             \
    backward_body<false, true>(b, begin, end, weight_sums, nullptr);                                       \
  }                                                                                                        \
  LLMTRAIN_CLONES void layer_backward_frozen(const Backward<T>& b, std::int64_t begin, std::int64_t end) { \
    backward_body<true, false>(b, begin, end, nullptr, nullptr);                                           \
  }                                                                                                        \
  LLMTRAIN_CLONES void rms_backward_frozen(const Backward<T>& b, std::int64_t begin, std::int64_t end) {   \
    backward_body<false, false>(b, begin, end, nullptr, nullptr);                                          \
  }
LLMTRAIN_NORM_KERNELS(float)
LLMTRAIN_NORM_KERNELS(double)
LLMTRAIN_NORM_KERNELS(c10::BFloat16)
#undef LLMTRAIN_NORM_KERNELS

at::Tensor dense_last(const at::Tensor& x) { return x.dim() <= 3 && x.stride(-1) == 1 ? x : x.contiguous(); }

template <class T>
Rows<T> rows_of(const at::Tensor& x, T* data) {
  if (x.dim() == 3 && x.stride(0) == x.size(1) * x.stride(1)) {
    return {.data = data, .inner = 1, .outer_stride = x.stride(1), .inner_stride = 0};
  }
  if (x.dim() == 3) {
    return {.data = data, .inner = x.size(1), .outer_stride = x.stride(0), .inner_stride = x.stride(1)};
  }
  return {.data = data, .inner = 1, .outer_stride = x.stride(0), .inner_stride = 0};
}

at::Tensor vector_of(const at::Tensor& weight, at::ScalarType type) {
  return weight.defined() ? weight.to(type).contiguous() : weight;
}

}  // namespace

NormResult norm_forward(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool centred, double eps,
                        bool keep_statistics) {
  ENSURE((x.dim() == 2 || x.dim() == 3) && weight.numel() == x.size(-1), x.dim(), weight.numel());
  const at::ScalarType type = compute_type(x.scalar_type());
  const std::int64_t width = x.size(-1);
  const std::int64_t rows = x.numel() / width;
  const at::Tensor input = dense_last(x);
  const at::Tensor weights = vector_of(weight, type);
  const at::Tensor biases = vector_of(bias, type);
  NormResult result = {.y = at::empty(x.sizes(), x.options()), .statistics = {}};
  if (keep_statistics) result.statistics = at::empty({rows, 2}, x.options().dtype(type));
  with_float_type(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const Forward<T> forward = {
        .x = rows_of(input, input.const_data_ptr<T>()),
        .y = rows_of(result.y, result.y.mutable_data_ptr<T>()),
        .weight = weights.const_data_ptr<C>(),
        .bias = biases.defined() ? biases.const_data_ptr<C>() : nullptr,
        .statistics = keep_statistics ? result.statistics.mutable_data_ptr<C>() : nullptr,
        .width = width,
        .eps = eps,
    };
    at::parallel_for(0, rows, parallel_grain(width), [&](std::int64_t begin, std::int64_t end) {
      centred ? layer_forward(forward, begin, end) : rms_forward(forward, begin, end);
    });
  });
  return result;
}

NormGradients norm_backward(const at::Tensor& gy, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& statistics, bool centred, bool sums) {
  const at::ScalarType type = compute_type(x.scalar_type());
  const std::int64_t width = x.size(-1);
  const RowSlices slices = row_slices(x.numel() / width);
  const at::Tensor gradient = dense_last(gy);
  const at::Tensor input = dense_last(x);
  const at::Tensor weights = vector_of(weight, type);
  const auto partial = [&](bool want) {
    return want ? at::zeros({slices.count, width}, x.options().dtype(type)) : at::Tensor();
  };
  NormGradients result = {
      .x = at::empty(x.sizes(), x.options()), .weight = partial(sums), .bias = partial(sums && centred)};
  with_float_type(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const auto row_of = [&](const at::Tensor& t, std::int64_t slice) {
      return t.defined() ? t.mutable_data_ptr<C>() + slice * width : nullptr;
    };
    const Backward<T> backward = {
        .gy = rows_of(gradient, gradient.const_data_ptr<T>()),
        .x = rows_of(input, input.const_data_ptr<T>()),
        .dx = rows_of(result.x, result.x.mutable_data_ptr<T>()),
        .weight = weights.const_data_ptr<C>(),
        .statistics = statistics.const_data_ptr<C>(),
        .width = width,
    };
    at::parallel_for(0, slices.count, parallel_grain(slices.size * width), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t slice = begin; slice < end; ++slice) {
        const std::int64_t first = slice * slices.size;
        const std::int64_t last = std::min(slices.rows, first + slices.size);
        if (!sums) {
          centred ? layer_backward_frozen(backward, first, last) : rms_backward_frozen(backward, first, last);
        } else if (centred) {
          layer_backward(backward, first, last, row_of(result.weight, slice), row_of(result.bias, slice));
        } else {
          rms_backward(backward, first, last, row_of(result.weight, slice));
        }
      }
    });
  });
  if (result.weight.defined()) result.weight = sum_slices(result.weight);
  if (result.bias.defined()) result.bias = sum_slices(result.bias);
  return result;
}

}  // namespace llmtrain
