#include "lib/ops/cpu/attention_run.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <omp.h>

namespace llmtrain {
namespace {

template <class T>
AttentionKernel<T> attention_kernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd")) {
    return attention_kernel_avx512<T>();
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return attention_kernel_avx2<T>();
#endif
  return {};
}

template <class T>
AttentionInputs<T> inputs(const AttentionViews& views) {
  return {.q = views.q.const_data_ptr<T>(),
          .q_stride = views.q.stride(0),
          .k = views.k.const_data_ptr<T>(),
          .v = views.v.const_data_ptr<T>(),
          .kv_stride = views.k.stride(0),
          .kv_head_stride = views.k.stride(1)};
}

// Threads that the tasks are worth waking.
int useful_threads(const AttentionSizes& sizes, const AttentionPlan& plan) {
  constexpr std::int64_t kProductsPerThread = 131072;
  std::int64_t products = 0;
  for (const auto& task : plan.tasks) {
    products += (task.query_end - task.query_begin) * task.keys * (task.head_end - task.head_begin) * sizes.head_dim;
  }
  const auto most = std::min<std::int64_t>(at::get_num_threads(), static_cast<std::int64_t>(plan.tasks.size()));
  return static_cast<int>(std::clamp<std::int64_t>(products / kProductsPerThread, 1, most));
}

// Calls work(task, scratch) for every task, each thread with scratch of its own, size(sizes, task) elements of type C.
// Which thread takes which task changes nothing.
template <class C, class Size, class Work>
void run_tasks(const AttentionSizes& sizes, const AttentionPlan& plan, const Size& size, const Work& work) {
  constexpr std::int64_t kLine = 64;  // bytes; threads must not share one
  std::int64_t elements = 0;
  for (const auto& task : plan.tasks) elements = std::max(elements, size(sizes, task));
  const auto stride = (elements * static_cast<std::int64_t>(sizeof(C)) + kLine - 1) / kLine * kLine;
  const auto threads = useful_threads(sizes, plan);
  const at::Tensor scratch = at::empty({threads * stride}, at::kByte);
  auto* bytes = static_cast<char*>(scratch.mutable_data_ptr());
  const auto count = static_cast<std::int64_t>(plan.tasks.size());
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (std::int64_t i = 0; i < count; ++i) {
    work(plan.tasks[static_cast<std::size_t>(i)], reinterpret_cast<C*>(bytes + omp_get_thread_num() * stride));
  }
}

// Adds a cut document's parts up, in order, and writes them.
template <class T>
void write_sum(const AttentionSizes& sizes, const AttentionPlan::Sum& sum, std::int64_t width,
               const AttentionBackward<T>& arrays) {
  using C = Compute<T>;
  for (std::int64_t key = 0; key < 2 * sum.task.keys; ++key) {
    const bool is_value = key >= sum.task.keys;
    const auto row = sum.task.first_key + key - (is_value ? sum.task.keys : 0);
    T* to =
        (is_value ? arrays.dv : arrays.dk) + row * arrays.in.kv_stride + sum.task.kv_head * arrays.in.kv_head_stride;
    for (std::int64_t i = 0; i < sizes.head_dim; ++i) {
      C total = 0;
      for (const auto partial : sum.partials) total += arrays.partials[partial + key * width + i];
      store(to[i], total);
    }
  }
}

}  // namespace

bool has_attention_kernel(at::ScalarType type) {
  const bool known = type == at::kFloat || type == at::kDouble || type == at::kBFloat16;
  return known && attention_kernel<float>().forward != nullptr;
}

void attention_forward(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                       const AttentionViews& in, const at::Tensor& out, const at::Tensor& log_sum) {
  with_float_type(in.q.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const auto kernel = attention_kernel<T>();
    const auto plan = plan_attention(sizes, documents, kernel.width(sizes.head_dim));
    const AttentionForward<T> arrays{.in = inputs<T>(in),
                                     .out = out.mutable_data_ptr<T>(),
                                     .log_sum = log_sum.defined() ? log_sum.mutable_data_ptr<C>() : nullptr};
    run_tasks<C>(sizes, plan, kernel.forward_scratch,
                 [&](const AttentionTask& task, C* scratch) { kernel.forward(sizes, task, arrays, scratch); });
  });
}

void attention_decode(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                      const AttentionViews& in, const at::Tensor& out) {
  with_float_type(in.q.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const auto kernel = attention_kernel<T>();
    const auto plan = plan_attention(sizes, documents, 0);
    const AttentionForward<T> arrays{.in = inputs<T>(in), .out = out.mutable_data_ptr<T>()};
    run_tasks<C>(sizes, plan, kernel.decode_scratch,
                 [&](const AttentionTask& task, C* scratch) { kernel.decode(sizes, task, arrays, scratch); });
  });
}

void attention_backward(const AttentionSizes& sizes, const std::vector<AttentionDocument>& documents,
                        const AttentionViews& in, const AttentionOutputs& outputs, const AttentionViews& gradients) {
  with_float_type(in.q.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    using C = Compute<T>;
    const auto kernel = attention_kernel<T>();
    const auto width = kernel.width(sizes.head_dim);
    const auto plan = plan_attention(sizes, documents, width);
    const at::Tensor partials = at::empty({plan.partial_elements}, outputs.log_sum.options());
    const AttentionBackward<T> arrays{.in = inputs<T>(in),
                                      .out = outputs.out.const_data_ptr<T>(),
                                      .d_out = outputs.d_out.const_data_ptr<T>(),
                                      .log_sum = outputs.log_sum.const_data_ptr<C>(),
                                      .dq = gradients.q.mutable_data_ptr<T>(),
                                      .dk = gradients.k.mutable_data_ptr<T>(),
                                      .dv = gradients.v.mutable_data_ptr<T>(),
                                      .partials = partials.mutable_data_ptr<C>()};
    run_tasks<C>(sizes, plan, kernel.backward_scratch,
                 [&](const AttentionTask& task, C* scratch) { kernel.backward(sizes, task, arrays, scratch); });
    at::parallel_for(0, static_cast<std::int64_t>(plan.sums.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = begin; i < end; ++i) write_sum(sizes, plan.sums[static_cast<std::size_t>(i)], width, arrays);
    });
  });
}

}  // namespace llmtrain
