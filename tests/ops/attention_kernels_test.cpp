#include "lib/ops/cpu/attention_kernels.h"

#include <cmath>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/ops/attention.h"
#include "lib/ops/cpu/attention_plan.h"
#include "tests/ops/central_difference.h"

namespace llmtrain {
namespace {

// Both instruction sets' kernels on one processor, which in a program would run only one of them, in scratch memory
// that shows where it is read before it is written.
template <class T>
void expect_plain_outputs(const AttentionKernel<T>& kernel, at::ScalarType type, double tolerance) {
  const AttentionShape shape{.heads = 4, .kv_heads = 2, .head_dim = 40, .window = 90};
  const AttentionSizes sizes{.heads = 4, .kv_heads = 2, .head_dim = 40, .window = 90};
  at::manual_seed(3);
  const auto qkv = at::randn({500, 320}, type).requires_grad_(true);
  const auto plain = attention_reference(qkv, shape, {0, 17, 500});
  const auto d_out = uneven_gradient(plain);
  const auto d_plain = torch::autograd::grad({plain}, {qkv}, {d_out})[0];

  const auto plan = plan_attention(sizes,
                                   {{.first_query = 0, .first_key = 0, .queries = 17, .keys = 17},
                                    {.first_query = 17, .first_key = 17, .queries = 483, .keys = 483}},
                                   kernel.width(40));
  const auto out = at::empty({500, 160}, type);
  const auto log_sum = at::empty({500, 4}, type);
  const auto d_qkv = at::zeros({500, 320}, type);
  const T* from = qkv.const_data_ptr<T>();
  T* to = d_qkv.mutable_data_ptr<T>();
  const AttentionInputs<T> in{
      .q = from, .q_stride = 320, .k = from + 160, .v = from + 240, .kv_stride = 320, .kv_head_stride = 40};
  const AttentionForward<T> forward{
      .in = in, .out = out.mutable_data_ptr<T>(), .log_sum = log_sum.mutable_data_ptr<T>()};
  std::vector<T> partials(static_cast<std::size_t>(plan.partial_elements));
  const AttentionBackward<T> backward{.in = in,
                                      .out = out.const_data_ptr<T>(),
                                      .d_out = d_out.const_data_ptr<T>(),
                                      .log_sum = log_sum.const_data_ptr<T>(),
                                      .dq = to,
                                      .dk = to + 160,
                                      .dv = to + 240,
                                      .partials = partials.data()};
  for (const auto& task : plan.tasks) {
    std::vector<T> scratch(static_cast<std::size_t>(kernel.forward_scratch(sizes, task)), NAN);
    kernel.forward(sizes, task, forward, scratch.data());
    scratch.assign(static_cast<std::size_t>(kernel.backward_scratch(sizes, task)), NAN);
    kernel.backward(sizes, task, backward, scratch.data());
  }
  EXPECT_LE(largest_difference(out, plain.detach()), tolerance);
  EXPECT_LE(largest_difference(d_qkv.narrow(1, 0, 160), d_plain.narrow(1, 0, 160)), tolerance);  // of queries
  EXPECT_LE(largest_difference(d_qkv.narrow(0, 0, 17), d_plain.narrow(0, 0, 17)), tolerance);    // of a document uncut
  EXPECT_GT(plan.sums.size(), 0U);
}

TEST(AttentionKernel, ForAvx2IsThatOfPlainOperators) {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) GTEST_SKIP() << "no AVX2 here";
  expect_plain_outputs(attention_kernel_avx2<float>(), at::kFloat, 1e-5);
  expect_plain_outputs(attention_kernel_avx2<double>(), at::kDouble, 1e-12);
}

TEST(AttentionKernel, ForAvx512IsThatOfPlainOperators) {
  if (!__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512bw")) GTEST_SKIP() << "no AVX-512 here";
  expect_plain_outputs(attention_kernel_avx512<float>(), at::kFloat, 1e-5);
  expect_plain_outputs(attention_kernel_avx512<double>(), at::kDouble, 1e-12);
}

}  // namespace
}  // namespace llmtrain
