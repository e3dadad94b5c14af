// Milliseconds of each operator, forward and backward, beside the same by LibTorch's own operators and autograd.
//
//   ops_bench [--benchmark_filter=REGEX] [--benchmark_repetitions=N]
//
// Names are operator/type/tokens x width/ours or composite. bytes_per_second counts what must be moved at least: inputs
// and outputs once in each direction.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <ATen/ATen.h>
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/custom_function.h>

#include "lib/ops/activation.h"
#include "lib/ops/dropout.h"
#include "lib/ops/embedding.h"
#include "lib/ops/layer_norm.h"
#include "lib/ops/linear.h"
#include "lib/ops/rms_norm.h"
#include "lib/ops/rope.h"
#include "lib/ops/runtime.h"

namespace llmtrain {
namespace {

constexpr double kEps = 1e-5;

struct Setting {
  std::int64_t tokens = 0;
  std::int64_t width = 0;
  at::ScalarType type = at::kFloat;
};

// One way to compute: x goes in, where it is defined; bytes is the least that forward and backward move.
struct Case {
  at::Tensor x;
  std::function<at::Tensor(const at::Tensor&)> forward;
  double bytes = 0;
};

at::Tensor normal(const Setting& s, std::int64_t rows, std::int64_t columns) {
  return at::randn({rows, columns}).to(s.type);
}

Weight weight_of(const at::Tensor& value) { return {.value = value, .grad = at::zeros_like(value)}; }
at::Tensor leaf(const at::Tensor& value) { return value.clone().requires_grad_(true); }

double moved(const Setting& s, double elements_per_entry) {
  return elements_per_entry * static_cast<double>(s.tokens * s.width) * static_cast<double>(c10::elementSize(s.type));
}

// Stands for what comes before an operator that works in place, which autograd allows on no leaf.
struct Before : torch::autograd::Function<Before> {
  static at::Tensor forward(torch::autograd::AutogradContext* /*context*/, const at::Tensor& x) {
    return at::from_blob(x.data_ptr(), x.sizes(), x.options());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* /*context*/,
                                                 const torch::autograd::variable_list& gradients) {
    return {gradients[0]};
  }
};

Case rms_norm_case(const Setting& s, bool ours) {
  const at::Tensor value = at::randn({s.width}).to(s.type);
  const Case c = {.x = leaf(normal(s, s.tokens, s.width)), .forward = {}, .bytes = moved(s, 5)};
  if (ours) return {c.x, [w = weight_of(value)](const at::Tensor& x) { return rms_norm(x, w, kEps); }, c.bytes};
  return {c.x, [w = leaf(value)](const at::Tensor& x) { return rms_norm_reference(x, w, kEps); }, c.bytes};
}

Case layer_norm_case(const Setting& s, bool ours) {
  const at::Tensor value = at::randn({s.width}).to(s.type);
  const at::Tensor shift = at::randn({s.width}).to(s.type);
  const at::Tensor input = leaf(normal(s, s.tokens, s.width));
  if (ours) {
    return {input,
            [w = weight_of(value), b = weight_of(shift)](const at::Tensor& x) { return layer_norm(x, w, b, kEps); },
            moved(s, 5)};
  }
  return {
      input,
      [w = leaf(value), b = leaf(shift)](const at::Tensor& x) { return at::layer_norm(x, {x.size(1)}, w, b, kEps); },
      moved(s, 5)};
}

Case linear_case(const Setting& s, bool ours) {
  const at::Tensor value = normal(s, s.width, s.width) * 0.02;
  const at::Tensor shift = at::randn({s.width}).to(s.type);
  const at::Tensor input = leaf(normal(s, s.tokens, s.width));
  if (ours) {
    return {input, [w = weight_of(value), b = weight_of(shift)](const at::Tensor& x) { return linear(x, w, b); },
            moved(s, 5)};
  }
  return {input, [w = leaf(value), b = leaf(shift)](const at::Tensor& x) { return at::linear(x, w, b); }, moved(s, 5)};
}

Case embedding_case(const Setting& s, bool ours) {
  constexpr std::int64_t kVocab = 50304;
  const at::Tensor value = normal(s, kVocab, s.width);
  const at::Tensor ids = (at::rand({s.tokens}).pow(3) * kVocab).to(at::kInt);  // low ids are frequent
  if (ours) {
    return {{}, [w = weight_of(value), ids](const at::Tensor&) { return embedding(ids, w); }, moved(s, 5)};
  }
  // Gradients in place, as where several micro-batches make a step: what the optimizer would zero is not counted.
  const at::Tensor table = leaf(value);
  table.mutable_grad() = at::zeros_like(value);
  return {{}, [table, ids](const at::Tensor&) { return at::embedding(table, ids); }, moved(s, 5)};
}

Case swiglu_case(const Setting& s, bool ours) {
  const at::Tensor input = leaf(normal(s, s.tokens, 2 * s.width));
  if (ours) return {input, swiglu, moved(s, 8)};
  return {input,
          [](const at::Tensor& x) {
            const auto parts = x.chunk(2, 1);
            return at::silu(parts[0]) * parts[1];
          },
          moved(s, 8)};
}

Case gelu_case(const Setting& s, bool ours, GeluKind kind) {
  const at::Tensor input = leaf(normal(s, s.tokens, s.width));
  if (ours) return {input, [kind](const at::Tensor& x) { return gelu(x, kind); }, moved(s, 5)};
  return {input, [kind](const at::Tensor& x) { return at::gelu(x, kind == GeluKind::kTanh ? "tanh" : "none"); },
          moved(s, 5)};
}

Case rope_case(const Setting& s, bool ours) {
  constexpr std::int64_t kHeadDim = 64;
  const std::int64_t heads = s.width / kHeadDim;
  const RopeTable table = rope_table(s.tokens, kHeadDim, 10000, std::nullopt, at::kFloat);
  const at::Tensor positions = at::arange(s.tokens, at::kInt);
  const at::Tensor input = leaf(normal(s, s.tokens, s.width));
  if (ours) {
    return {input, [=](const at::Tensor& x) { return rope_(Before::apply(x), table, positions, heads, kHeadDim); },
            moved(s, 4)};
  }
  return {input,
          [=](const at::Tensor& x) {
            const at::Tensor heads_apart = x.view({x.size(0), heads, kHeadDim});
            const auto halves = heads_apart.chunk(2, -1);
            const at::Tensor turned = at::cat({-halves[1], halves[0]}, -1);
            const at::Tensor cosines = at::cat({table.cosines, table.cosines}, -1).unsqueeze(1).to(x.scalar_type());
            const at::Tensor sines = at::cat({table.sines, table.sines}, -1).unsqueeze(1).to(x.scalar_type());
            return (heads_apart * cosines + turned * sines).view(x.sizes());
          },
          moved(s, 4)};
}

Case dropout_case(const Setting& s, bool ours) {
  const at::Tensor input = leaf(normal(s, s.tokens, s.width));
  const DropoutStream stream = {.rate = 0.1, .key = 1234, .step = 5, .site = 6, .first_token = 0};
  if (ours) return {input, [stream](const at::Tensor& x) { return dropout(x, stream); }, moved(s, 4)};
  return {input, [](const at::Tensor& x) { return at::dropout(x, 0.1, /*train=*/true); }, moved(s, 4)};
}

void run(benchmark::State& state, const std::function<Case()>& make) {
  at::manual_seed(1);
  Case c = make();
  const at::Tensor gradient = at::ones_like(c.forward(c.x));
  const auto once = [&] {
    c.forward(c.x).backward(gradient);
    if (c.x.defined()) c.x.mutable_grad() = at::Tensor();
  };
  once();  // memory comes from the system the first time
  for (auto _ : state) once();
  state.counters["bytes_per_second"] =
      benchmark::Counter(c.bytes, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::OneK::kIs1000);
}

void register_all() {
  using Make = std::function<Case(const Setting&, bool)>;
  const std::vector<std::pair<std::string, Make>> operators = {
      {"rms_norm", rms_norm_case},
      {"layer_norm", layer_norm_case},
      {"linear", linear_case},
      {"embedding", embedding_case},
      {"swiglu", swiglu_case},
      {"gelu_erf", [](const Setting& s, bool ours) { return gelu_case(s, ours, GeluKind::kErf); }},
      {"gelu_tanh", [](const Setting& s, bool ours) { return gelu_case(s, ours, GeluKind::kTanh); }},
      {"rope", rope_case},
      {"dropout", dropout_case},
  };
  const std::vector<std::pair<std::int64_t, std::int64_t>> sizes = {{768, 128}, {8192, 2048}};
  for (const auto& [name, make] : operators) {
    for (const auto& [tokens, width] : sizes) {
      for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
        for (const bool ours : {true, false}) {
          const Setting setting = {.tokens = tokens, .width = width, .type = type};
          const std::string title = fmt::format("{}/{}/{}x{}/{}", name, type == at::kFloat ? "fp32" : "bf16", tokens,
                                                width, ours ? "ours" : "composite");
          benchmark::RegisterBenchmark(title.c_str(),
                                       [make = make, setting, ours](benchmark::State& state) {
                                         run(state, [&] { return make(setting, ours); });
                                       })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond)
              ->ComputeStatistics("min", [](const std::vector<double>& v) { return *std::ranges::min_element(v); });
        }
      }
    }
  }
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  llmtrain::start_runtime({});
  benchmark::Initialize(&argc, argv);
  llmtrain::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
