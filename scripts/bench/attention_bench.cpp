// Attention and the training loss against LibTorch's own, forward and backward, as a step of training calls them.
#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <torch/csrc/autograd/autograd.h>

#include "lib/ops/attention.h"
#include "lib/ops/linear_logprobs.h"
#include "lib/ops/runtime.h"

namespace llmtrain {
namespace {

using benchmark::State;

// Documents of some lengths in turn, laid end to end in rows of `row` tokens.
std::vector<std::int32_t> documents_of(std::int64_t rows, std::int64_t row, const std::vector<std::int64_t>& lengths) {
  std::vector<std::int32_t> starts = {0};
  std::size_t next = 0;
  for (std::int64_t end = row; end <= rows * row; end += row) {
    while (starts.back() < end) {
      const auto length = lengths.empty() ? row : lengths[next++ % lengths.size()];
      starts.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(end, starts.back() + length)));
    }
  }
  return starts;
}

at::ScalarType type_of(const State& state, int argument) {
  return state.range(argument) == 0 ? at::kFloat : at::kBFloat16;
}

// Arguments: batch, heads, key heads, tokens of a row, head size, 0 for fp32 or 1 for bf16.
struct Setting {
  explicit Setting(const State& state)
      : batch(state.range(0)),
        tokens(state.range(3)),
        shape{.heads = state.range(1), .kv_heads = state.range(2), .head_dim = state.range(4), .window = {}} {
    at::manual_seed(1);
    const auto width = (shape.heads + 2 * shape.kv_heads) * shape.head_dim;
    qkv = at::randn({batch * tokens, width}).to(type_of(state, 5)).requires_grad_(true);
    gradient = at::randn({batch * tokens, shape.heads * shape.head_dim}).to(qkv.scalar_type());
  }
  std::int64_t batch;
  std::int64_t tokens;
  AttentionShape shape;
  at::Tensor qkv;
  at::Tensor gradient;
};

void run_ours(State& state, const std::vector<std::int64_t>& lengths, bool backward) {
  const Setting setting(state);
  const auto documents = documents_of(setting.batch, setting.tokens, lengths);
  const c10::AutoGradMode grad_mode(backward);
  for (auto _ : state) {
    const auto out = attention(setting.qkv, setting.shape, documents);
    if (backward) benchmark::DoNotOptimize(torch::autograd::grad({out}, {setting.qkv}, {setting.gradient}));
  }
}

// Heads as LibTorch wants them, and its output as the next layer wants it: views both.
void run_theirs(State& state, bool backward) {
  const Setting setting(state);
  const auto& shape = setting.shape;
  const c10::AutoGradMode grad_mode(backward);
  for (auto _ : state) {
    const auto heads =
        setting.qkv.view({setting.batch, setting.tokens, shape.heads + 2 * shape.kv_heads, shape.head_dim})
            .transpose(1, 2);
    const auto attended = at::scaled_dot_product_attention(
        heads.narrow(1, 0, shape.heads), heads.narrow(1, shape.heads, shape.kv_heads),
        heads.narrow(1, shape.heads + shape.kv_heads, shape.kv_heads), {}, 0, true, {}, shape.heads != shape.kv_heads);
    const auto out = attended.transpose(1, 2).reshape({setting.batch * setting.tokens, -1});
    if (backward) benchmark::DoNotOptimize(torch::autograd::grad({out}, {setting.qkv}, {setting.gradient}));
  }
}

const std::vector<std::int64_t> kShortDocuments = {30, 55, 41, 70, 37, 62, 48};

void attention_ours(State& state) { run_ours(state, {}, true); }
void attention_libtorch(State& state) { run_theirs(state, true); }
void attention_forward_ours(State& state) { run_ours(state, {}, false); }
void attention_forward_libtorch(State& state) { run_theirs(state, false); }
void attention_short_documents_ours(State& state) { run_ours(state, kShortDocuments, true); }

void shapes(benchmark::internal::Benchmark* bench) {
  for (const int bf16 : {0, 1}) {
    bench->Args({4, 12, 12, 256, 64, bf16});
    bench->Args({4, 12, 4, 256, 64, bf16});
    bench->Args({2, 16, 8, 1024, 128, bf16});
    bench->Args({32, 4, 4, 256, 32, bf16});
    bench->Args({16, 12, 12, 64, 64, bf16});
    bench->Args({1, 12, 12, 1024, 64, bf16});
  }
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(attention_ours)->Apply(shapes);
BENCHMARK(attention_libtorch)->Apply(shapes);
BENCHMARK(attention_forward_ours)->Apply(shapes);
BENCHMARK(attention_forward_libtorch)->Apply(shapes);
BENCHMARK(attention_short_documents_ours)
    ->Args({32, 4, 4, 256, 32, 0})
    ->Args({32, 6, 2, 256, 32, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// One token against a cache of some length. Arguments: heads, key heads, length, head size, 0 for fp32 or 1 for bf16.
struct Cache {
  explicit Cache(const State& state)
      : shape{.heads = state.range(0), .kv_heads = state.range(1), .head_dim = state.range(3), .window = {}} {
    at::manual_seed(1);
    const auto type = type_of(state, 4);
    q = at::randn({1, shape.heads * shape.head_dim}).to(type);
    keys = at::randn({shape.kv_heads, 2 * state.range(2), shape.head_dim}).to(type).narrow(1, 0, state.range(2));
    values = at::randn({shape.kv_heads, 2 * state.range(2), shape.head_dim}).to(type).narrow(1, 0, state.range(2));
  }
  AttentionShape shape;
  at::Tensor q;
  at::Tensor keys;    // [kv_heads, length, head_dim]
  at::Tensor values;  // likewise
};

void decode_ours(State& state) {
  const Cache cache(state);
  const auto keys = cache.keys.transpose(0, 1);
  const auto values = cache.values.transpose(0, 1);
  for (auto _ : state) benchmark::DoNotOptimize(attention_cached(cache.q, keys, values, cache.shape));
}

void decode_libtorch(State& state) {
  const Cache cache(state);
  const c10::AutoGradMode no_grad(false);
  const auto q = cache.q.view({1, cache.shape.heads, 1, cache.shape.head_dim});
  for (auto _ : state) {
    benchmark::DoNotOptimize(at::scaled_dot_product_attention(q, cache.keys.unsqueeze(0), cache.values.unsqueeze(0), {},
                                                              0, false, {}, true));
  }
}

void lengths(benchmark::internal::Benchmark* bench) {
  for (const int bf16 : {0, 1}) {
    for (const int length : {128, 1024}) bench->Args({12, 4, length, 64, bf16});
  }
  bench->Unit(benchmark::kMicrosecond)->UseRealTime();
}
BENCHMARK(decode_ours)->Apply(lengths);
BENCHMARK(decode_libtorch)->Apply(lengths);

// Arguments: tokens, vocabulary, width, 0 for fp32 or 1 for bf16.
struct Loss {
  explicit Loss(const State& state) {
    at::manual_seed(1);
    const auto type = type_of(state, 3);
    hidden = at::randn({state.range(0), state.range(2)}).to(type).requires_grad_(true);
    head = at::randn({state.range(1), state.range(2)}).mul(0.02).to(type);
    grad = at::zeros_like(head);
    targets = at::randint(state.range(1), {state.range(0)}, at::kInt);
    weights = at::full({state.range(0)}, 1.0 / static_cast<double>(state.range(0)), at::kFloat);
  }
  at::Tensor hidden;
  at::Tensor head;
  at::Tensor grad;
  at::Tensor targets;
  at::Tensor weights;
};

void cross_entropy_ours(State& state) {
  const Loss in(state);
  for (auto _ : state) {
    const auto result = linear_cross_entropy(in.hidden, {.value = in.head, .grad = in.grad}, in.targets, in.weights);
    benchmark::DoNotOptimize(torch::autograd::grad({result.loss}, {in.hidden}));
  }
}

// Its autograd adds to the head's gradient too, as training does over micro-batches.
void cross_entropy_libtorch(State& state) {
  const Loss in(state);
  const auto head = in.head.detach().requires_grad_(true);
  head.mutable_grad() = in.grad;
  const auto targets = in.targets.to(at::kLong);
  for (auto _ : state) {
    const auto logits = at::mm(in.hidden, head.t()).to(at::kFloat);
    torch::autograd::backward({at::cross_entropy_loss(logits, targets)}, {});
  }
}

// The three products alone, on all tokens at once.
void cross_entropy_products(State& state) {
  const Loss in(state);
  const c10::AutoGradMode no_grad(false);
  auto grad = in.grad;
  for (auto _ : state) {
    const auto logits = at::mm(in.hidden, in.head.t());
    benchmark::DoNotOptimize(at::mm(logits, in.head));
    grad.addmm_(logits.t(), in.hidden);
  }
}

void losses(benchmark::internal::Benchmark* bench) {
  for (const int bf16 : {0, 1}) bench->Args({1024, 50304, 768, bf16})->Args({8192, 8192, 256, bf16});
  bench->Unit(benchmark::kMillisecond)->UseRealTime();
}
BENCHMARK(cross_entropy_ours)->Apply(losses);
BENCHMARK(cross_entropy_libtorch)->Apply(losses);
BENCHMARK(cross_entropy_products)->Apply(losses);

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  llmtrain::start_runtime({});
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
