// What each choice of lib/ops/runtime.h gives alone: operations as training has them, least time of many. LibTorch as
// it comes with the word "plain" as the argument, else with the runtime started; LLMTRAIN_MKL_AVX512=0 and
// LLMTRAIN_HUGE_PAGES=0 leave their parts out. With the word "denormals": what these cost, kept and flushed.
// scripts/bench/runtime.sh runs all of it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "lib/ops/runtime.h"
#include "lib/optim/adamw.h"

namespace {

constexpr double kSeconds = 1.0;

void measure(const char* name, const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  work();
  double least = 1e9;
  const auto start = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - start).count() < kSeconds) {
    const auto before = Clock::now();
    work();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - before).count());
  }
  std::printf("%-44s %9.4f ms\n", name, least * 1e3);
  std::fflush(stdout);
}

// Turned on or off on this thread and on those of OpenMP, as start_runtime() turns it on.
void flush_denormals(bool flush) {
  at::globalContext().setFlushDenormal(flush);
  at::parallel_for(0, at::get_num_threads(), 1,
                   [flush](std::int64_t, std::int64_t) { at::globalContext().setFlushDenormal(flush); });
}

// What denormal numbers cost, kept and flushed. Where a gradient stays zero, AdamW's moments fade into them and stay
// there. Small, so that all is in the cache: it is arithmetic that is compared.
void measure_denormals() {
  constexpr float kDenormal = 1e-41F;
  constexpr float kTiny = 1e-21F;  // its square is denormal
  for (const bool flush : {false, true}) {
    const auto named = [&](const char* what) { return std::string(what) + (flush ? ", flushed" : ", kept"); };
    flush_denormals(false);  // what fills the tensors is not to be flushed itself
    const auto denormal = at::full({256, 256}, kDenormal);
    const auto tiny = at::full({256, 256}, kTiny);
    const auto ones = at::ones({256, 256});
    const auto exp_avg = denormal.flatten();
    const auto exp_avg_sq = exp_avg.clone();
    const auto weights = ones.flatten();
    const auto grad = at::zeros_like(weights);
    flush_denormals(flush);
    measure(named("product 256^3 of denormals").c_str(), [&] { at::mm(denormal, ones); });
    measure(named("product 256^3 into denormals").c_str(), [&] { at::mm(tiny, tiny); });
    measure(named("x * sigmoid(x), 64K").c_str(), [&] { at::mul(denormal, at::sigmoid(denormal)); });
    measure(named("AdamW, 64K").c_str(), [&] {
      llmtrain::adamw_step(weights, weights, grad, exp_avg, exp_avg_sq,
                           {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .decay = 0, .count = 10});
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word != "plain") llmtrain::start_runtime({});
  const at::NoGradGuard no_grad;
  if (word == "denormals") {
    measure_denormals();
    return 0;
  }
  const auto a = at::ones({1024, 768});
  const auto b = at::ones({768, 3072});
  measure("product 1024 x 768 x 3072, fp32", [&] { at::mm(a, b); });
  const auto narrow_a = a.to(at::kBFloat16);
  const auto narrow_b = b.to(at::kBFloat16);
  measure("product 1024 x 768 x 3072, bf16", [&] { at::mm(narrow_a, narrow_b); });
  const auto x = at::ones({8192, 2048});
  measure("x * sigmoid(x), 8192 x 2048", [&] { at::mul(x, at::sigmoid(x)); });
  const auto logits = at::ones({1024, 50304});
  measure("log-softmax, 1024 x 50304", [&] { at::log_softmax(logits, 1); });
  const auto weights = at::ones({124'000'000});
  measure("fp32 to bf16, 124M", [&] { weights.to(at::kBFloat16); });
  measure("512 MiB fresh from the system, written", [] {
    llmtrain::trim_memory();
    at::ones({std::int64_t{1} << 27});
  });
  const auto grad = at::ones_like(weights);
  const auto exp_avg = at::ones_like(weights);
  const auto exp_avg_sq = at::ones_like(weights);
  measure("AdamW, 124M", [&] {
    llmtrain::adamw_step(weights, weights, grad, exp_avg, exp_avg_sq,
                         {.lr = 1e-4, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .decay = 0.1, .count = 10});
  });
  return 0;
}
