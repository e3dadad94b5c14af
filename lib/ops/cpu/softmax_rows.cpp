#include "lib/ops/cpu/softmax_rows.h"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/Parallel.h>

#include "lib/ops/cpu/simd.h"
#include "lib/ops/cpu/vector_math.h"

namespace llmtrain {
namespace {

// What a pass over a row of logits gives.
template <class C>
struct RowSums {
  C max = 0;
  C exps = 0;      // sum of exp(logit - max)
  C weighted = 0;  // sum of exp(logit - max) * (logit - max)
  C logits = 0;    // sum of (logit - max)
};

template <class C>
LLMTRAIN_INLINE C row_max(const C* x, std::int64_t n) {
  C max = -std::numeric_limits<C>::infinity();
#pragma omp simd reduction(max : max)
  for (std::int64_t i = 0; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}

// One row in cache: the second pass reads what the first has brought in.
template <class C>
LLMTRAIN_INLINE RowSums<C> row_sums_body(const C* x, std::int64_t n) {
  const C max = row_max(x, n);
  C exps = 0;
  C weighted = 0;
  C logits = 0;
#pragma omp simd reduction(+ : exps, weighted, logits)
  for (std::int64_t i = 0; i < n; ++i) {
    const C shifted = x[i] - max;
    const C e = vector_exp(shifted);
    exps += e;
    weighted += e * shifted;
    logits += shifted;
  }
  return {.max = max, .exps = exps, .weighted = weighted, .logits = logits};
}
LLMTRAIN_CLONES RowSums<float> row_sums(const float* x, std::int64_t n) { return row_sums_body(x, n); }
LLMTRAIN_CLONES RowSums<double> row_sums(const double* x, std::int64_t n) { return row_sums_body(x, n); }

// The same, leaving exp(logit - max) in the logits' place.
template <class C>
LLMTRAIN_INLINE RowSums<C> row_exps_body(C* x, std::int64_t n) {
  const C max = row_max(x, n);
  C exps = 0;
  C logits = 0;
#pragma omp simd reduction(+ : exps, logits)
  for (std::int64_t i = 0; i < n; ++i) {
    const C shifted = x[i] - max;
    const C e = vector_exp(shifted);
    x[i] = e;
    exps += e;
    logits += shifted;
  }
  return {.max = max, .exps = exps, .weighted = 0, .logits = logits};
}
LLMTRAIN_CLONES RowSums<float> row_exps(float* x, std::int64_t n) { return row_exps_body(x, n); }
LLMTRAIN_CLONES RowSums<double> row_exps(double* x, std::int64_t n) { return row_exps_body(x, n); }

// to = from * factor + shift; `to` may be `from`.
template <class C, class G>
LLMTRAIN_INLINE void scale_row_body(const C* from, G* to, std::int64_t n, C factor, C shift) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) store(to[i], from[i] * factor + shift);
}
LLMTRAIN_CLONES void scale_row(const float* from, float* to, std::int64_t n, float factor, float shift) {
  scale_row_body(from, to, n, factor, shift);
}
LLMTRAIN_CLONES void scale_row(const float* from, c10::BFloat16* to, std::int64_t n, float factor, float shift) {
  scale_row_body(from, to, n, factor, shift);
}
LLMTRAIN_CLONES void scale_row(const double* from, double* to, std::int64_t n, double factor, double shift) {
  scale_row_body(from, to, n, factor, shift);
}

// to = -p * (factor + slope * (log p + entropy)), p = exp(x - log_z).
template <class C>
struct RowSlope {
  C log_z = 0;
  C factor = 0;
  C slope = 0;
  C entropy = 0;
};
template <class C, class G>
LLMTRAIN_INLINE void slope_row_body(const C* from, G* to, std::int64_t n, const RowSlope<C>& row) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) {
    const C log_p = from[i] - row.log_z;
    store(to[i], -vector_exp(log_p) * (row.factor + row.slope * (log_p + row.entropy)));
  }
}
LLMTRAIN_CLONES void slope_row(const float* from, float* to, std::int64_t n, const RowSlope<float>& row) {
  slope_row_body(from, to, n, row);
}
LLMTRAIN_CLONES void slope_row(const float* from, c10::BFloat16* to, std::int64_t n, const RowSlope<float>& row) {
  slope_row_body(from, to, n, row);
}
LLMTRAIN_CLONES void slope_row(const double* from, double* to, std::int64_t n, const RowSlope<double>& row) {
  slope_row_body(from, to, n, row);
}

void check_targets(const std::int32_t* targets, std::int64_t rows, std::int64_t vocab) {
  for (std::int64_t row = 0; row < rows; ++row) {
    ENSURE(targets[row] >= 0 && targets[row] < vocab, targets[row], vocab);
  }
}

// Calls work(row) for every row, on all threads.
template <class Work>
void for_rows(const at::Tensor& logits, const Work& work) {
  at::parallel_for(0, logits.size(0), parallel_grain(logits.size(1)), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) work(row);
  });
}

// Calls work(C{}, G{}) with the types of the logits and of the gradient.
template <class Work>
void with_types(const at::Tensor& logits, const at::Tensor& gradient, const Work& work) {
  if (logits.scalar_type() == at::kDouble) return work(double{}, double{});
  if (gradient.defined() && gradient.scalar_type() == at::kBFloat16) return work(float{}, c10::BFloat16{});
  work(float{}, float{});
}

template <class C>
struct Statistics {
  C* log_z;
  C* logprobs;
};
template <class C>
Statistics<C> statistics(const SoftmaxTargets& out) {
  return {.log_z = out.log_z.mutable_data_ptr<C>(), .logprobs = out.logprobs.mutable_data_ptr<C>()};
}

}  // namespace

void softmax_statistics(const at::Tensor& logits, const SoftmaxTargets& out, const at::Tensor& entropy) {
  const auto vocab = logits.size(1);
  check_targets(out.targets, logits.size(0), vocab);
  with_types(logits, {}, [&](auto zero, auto) {
    using C = decltype(zero);
    const C* x = logits.const_data_ptr<C>();
    const auto to = statistics<C>(out);
    C* entropies = entropy.mutable_data_ptr<C>();
    for_rows(logits, [&](std::int64_t row) {
      const C* from = x + row * vocab;
      const auto sums = row_sums(from, vocab);
      const C log_sum = std::log(sums.exps);
      to.log_z[row] = sums.max + log_sum;
      to.logprobs[row] = (from[out.targets[row]] - sums.max) - log_sum;
      entropies[row] = log_sum - sums.weighted / sums.exps;
    });
  });
}

void softmax_gradient(const at::Tensor& logits, const SoftmaxSlopes& slopes, const at::Tensor& gradient) {
  const auto vocab = logits.size(1);
  with_types(logits, gradient, [&](auto zero, auto gradient_zero) {
    using C = decltype(zero);
    using G = decltype(gradient_zero);
    const C* x = logits.const_data_ptr<C>();
    G* g = gradient.mutable_data_ptr<G>();
    const C* log_z = slopes.log_z.const_data_ptr<C>();
    const C* entropy = slopes.entropy.const_data_ptr<C>();
    const C* d_logprob = slopes.d_logprob.const_data_ptr<C>();
    const C* d_entropy = slopes.d_entropy.const_data_ptr<C>();
    const C scale = static_cast<C>(slopes.scale);
    for_rows(logits, [&](std::int64_t row) {
      const auto target = slopes.targets[row];
      const RowSlope<C> slope{.log_z = log_z[row],
                              .factor = d_logprob[row] * scale,
                              .slope = d_entropy[row] * scale,
                              .entropy = entropy[row]};
      const C log_p = x[row * vocab + target] - slope.log_z;
      slope_row(x + row * vocab, g + row * vocab, vocab, slope);
      const C at_target = slope.factor - vector_exp(log_p) * (slope.factor + slope.slope * (log_p + slope.entropy));
      store(g[row * vocab + target], at_target);
    });
  });
}

double cross_entropy_rows(const at::Tensor& logits, const SoftmaxTargets& out, const CrossEntropyTerms& terms,
                          const at::Tensor& gradient) {
  const auto vocab = logits.size(1);
  check_targets(out.targets, logits.size(0), vocab);
  std::vector<double> losses(static_cast<std::size_t>(logits.size(0)));
  const double smoothing = terms.label_smoothing;
  with_types(logits, gradient, [&](auto zero, auto gradient_zero) {
    using C = decltype(zero);
    using G = decltype(gradient_zero);
    C* x = logits.mutable_data_ptr<C>();
    G* g = gradient.defined() ? gradient.mutable_data_ptr<G>() : nullptr;
    const auto to = statistics<C>(out);
    const C* weights = terms.weights.const_data_ptr<C>();
    for_rows(logits, [&](std::int64_t row) {
      C* from = x + row * vocab;
      const auto target = out.targets[row];
      const C at_target = from[target];
      const auto sums = g == nullptr ? row_sums(from, vocab) : row_exps(from, vocab);
      const C log_sum = std::log(sums.exps);
      const double log_z = static_cast<double>(sums.max) + log_sum;
      to.log_z[row] = static_cast<C>(log_z);
      to.logprobs[row] = (at_target - sums.max) - log_sum;
      const double mean = static_cast<double>(sums.logits) / static_cast<double>(vocab);  // of logit - max
      const double target_part = (1 - smoothing) * to.logprobs[row] + smoothing * (mean - log_sum);
      const double weight = weights[row];
      losses[static_cast<std::size_t>(row)] = weight * (terms.z_loss * log_z * log_z - target_part);
      if (g == nullptr) return;
      const C p_factor = static_cast<C>(weight * (1 + 2 * terms.z_loss * log_z) / sums.exps);
      const C shift = static_cast<C>(-weight * smoothing / static_cast<double>(vocab));
      const C p_target = from[target] * p_factor + shift - static_cast<C>(weight * (1 - smoothing));
      scale_row(from, g + row * vocab, vocab, p_factor, shift);
      store(g[row * vocab + target], p_target);
    });
  });
  double total = 0;
  for (const double loss : losses) total += loss;
  return total;
}

}  // namespace llmtrain
