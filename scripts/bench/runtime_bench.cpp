// What each choice of lib/ops/runtime.h gives alone: operations as training has them, least time of many. LibTorch as
// it comes with the word "plain" as the argument, else with the runtime started; LLMTRAIN_MKL_AVX512=0 and
// LLMTRAIN_HUGE_PAGES=0 leave their parts out. scripts/bench/runtime.sh runs all combinations.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
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
  std::printf("%-44s %9.3f ms\n", name, least * 1e3);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const bool plain = argc > 1 && std::string_view(argv[1]) == "plain";
  if (!plain) llmtrain::start_runtime({});
  const at::NoGradGuard no_grad;
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
