#include "lib/ops/linear_logprobs.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "lib/base/error.h"
#include "lib/ops/cpu/simd.h"
#include "lib/ops/cpu/softmax_rows.h"
#include "lib/ops/saved_weight.h"
#include "lib/ops/wide_product.h"

namespace llmtrain {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

// A chunk's logits are of this size, but of no fewer rows: the head's weights are read twice, and its gradients read
// and written, once a chunk, which is little beside the products only where a chunk has hundreds of rows. What a step
// keeps of a model with a vocabulary so large is many times more.
constexpr std::int64_t kChunkBytes = 32 << 20;
constexpr std::int64_t kLeastRows = 512;

// Rows of a chunk: all alike, so that no product is a small rest, and in whole tiles of the matrix product.
std::int64_t chunk_rows(std::int64_t tokens, std::int64_t row_bytes) {
  constexpr std::int64_t kTile = 16;
  const auto most = std::max(kLeastRows, kChunkBytes / row_bytes);
  const auto chunks = std::max<std::int64_t>(1, (tokens + most - 1) / most);
  const auto rows = (tokens + chunks - 1) / chunks;
  return std::clamp<std::int64_t>((rows + kTile - 1) / kTile * kTile, 1, std::max<std::int64_t>(tokens, 1));
}

// Goes through tokens chunk by chunk, with one buffer of logits (and, where hidden is narrower, one of gradients).
class LogitChunks {
 public:
  LogitChunks(const at::Tensor& hidden, const Weight& head) : hidden_(hidden), head_(head) {
    const auto vocab = head.value.size(0);
    wide_ = compute_type(hidden.scalar_type());
    const auto row_bytes = vocab * static_cast<std::int64_t>(at::elementSize(wide_));
    rows_ = chunk_rows(hidden.size(0), row_bytes);
    logits_ = at::empty({rows_, vocab}, hidden.options().dtype(wide_));
    narrow_ = wide_ == hidden.scalar_type() ? logits_ : at::empty({rows_, vocab}, hidden.options());
  }

  struct Chunk {
    std::int64_t first = 0;
    std::int64_t rows = 0;
    at::Tensor logits;    // [rows, vocab], fp32 or double
    at::Tensor gradient;  // [rows, vocab], hidden's type: the logits themselves where that is theirs
  };

  template <class Work>
  void for_each(const Work& work) {
    for (std::int64_t first = 0; first < hidden_.size(0); first += rows_) {
      const auto rows = std::min(rows_, hidden_.size(0) - first);
      Chunk chunk{
          .first = first, .rows = rows, .logits = logits_.narrow(0, 0, rows), .gradient = narrow_.narrow(0, 0, rows)};
      product_into(chunk.logits, hidden_.narrow(0, first, rows), head_.value.t());
      work(chunk);
    }
  }

  // d_hidden (where defined) and head.grad from a chunk's gradient.
  void pass_back(const Chunk& chunk, const at::Tensor& d_hidden) const {
    if (d_hidden.defined()) product_into(d_hidden.narrow(0, chunk.first, chunk.rows), chunk.gradient, head_.value);
    if (head_.trains()) add_product(head_.grad, chunk.gradient.t(), hidden_.narrow(0, chunk.first, chunk.rows));
  }

 private:
  at::Tensor hidden_;
  Weight head_;
  at::ScalarType wide_ = at::kFloat;
  std::int64_t rows_ = 1;
  at::Tensor logits_;
  at::Tensor narrow_;
};

void check_inputs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets) {
  ENSURE(hidden.dim() == 2 && head.value.dim() == 2 && hidden.size(1) == head.value.size(1), hidden.numel(),
         head.value.numel());
  ENSURE(hidden.scalar_type() == head.value.scalar_type(), c10::toString(hidden.scalar_type()),
         c10::toString(head.value.scalar_type()));
  ENSURE(targets.dim() == 1 && targets.size(0) == hidden.size(0) && targets.scalar_type() == at::kInt, targets.numel(),
         hidden.size(0));
}

struct LogprobsFunction : Function<LogprobsFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden,
                               const std::optional<at::Tensor>& /*anchor*/, const Weight& head,
                               const at::Tensor& targets, double temperature) {
    const auto logprobs = at::empty({hidden.size(0)}, hidden.options().dtype(compute_type(hidden.scalar_type())));
    const auto entropy = at::empty_like(logprobs);
    const auto log_z = at::empty_like(logprobs);
    LogitChunks(hidden, head).for_each([&](const LogitChunks::Chunk& chunk) {
      if (temperature != 1) chunk.logits.mul_(1 / temperature);
      const SoftmaxTargets out{.targets = targets.const_data_ptr<std::int32_t>() + chunk.first,
                               .log_z = log_z.narrow(0, chunk.first, chunk.rows),
                               .logprobs = logprobs.narrow(0, chunk.first, chunk.rows)};
      softmax_statistics(chunk.logits, out, entropy.narrow(0, chunk.first, chunk.rows));
    });
    save_weight(context, "head", head);
    context->save_for_backward({hidden, targets, entropy});
    context->saved_data["log_z"] = log_z;
    context->saved_data["temperature"] = temperature;
    return {logprobs, entropy};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& hidden = saved[0];
    const auto log_z = context->saved_data["log_z"].toTensor();
    const double temperature = context->saved_data["temperature"].toDouble();
    const auto d_logprob = gradients[0].contiguous();
    const auto d_entropy = gradients[1].contiguous();
    const auto d_hidden = context->needs_input_grad(0) ? at::empty_like(hidden) : at::Tensor();
    LogitChunks chunks(hidden, saved_weight(context, "head"));
    chunks.for_each([&](const LogitChunks::Chunk& chunk) {
      const auto part = [&](const at::Tensor& all) { return all.narrow(0, chunk.first, chunk.rows); };
      if (temperature != 1) chunk.logits.mul_(1 / temperature);
      softmax_gradient(chunk.logits,
                       {.targets = saved[1].const_data_ptr<std::int32_t>() + chunk.first,
                        .entropy = part(saved[2]),
                        .log_z = part(log_z),
                        .d_logprob = part(d_logprob),
                        .d_entropy = part(d_entropy),
                        .scale = 1 / temperature},
                       chunk.gradient);
      chunks.pass_back(chunk, d_hidden);
    });
    return {d_hidden, {}, {}, {}, {}};
  }
};

// The forward pass of the training loss; d_hidden: undefined where no gradient is wanted at all.
struct TrainedTokens {
  at::Tensor hidden;
  at::Tensor targets;
  at::Tensor weights;
};

CrossEntropy run_chunks(const TrainedTokens& tokens, const Weight& head, const CrossEntropyOptions& options,
                        const at::Tensor& d_hidden) {
  const auto logprobs = at::empty_like(tokens.weights);
  const auto log_z = at::empty_like(tokens.weights);
  const bool differentiates = d_hidden.defined() || head.trains();
  double loss = 0;
  LogitChunks chunks(tokens.hidden, head);
  chunks.for_each([&](const LogitChunks::Chunk& chunk) {
    const auto part = [&](const at::Tensor& all) { return all.narrow(0, chunk.first, chunk.rows); };
    loss += cross_entropy_rows(
        chunk.logits,
        {.targets = tokens.targets.const_data_ptr<std::int32_t>() + chunk.first,
         .log_z = part(log_z),
         .logprobs = part(logprobs)},
        {.label_smoothing = options.label_smoothing, .z_loss = options.z_loss, .weights = part(tokens.weights)},
        differentiates ? chunk.gradient : at::Tensor());
    if (differentiates) chunks.pass_back(chunk, d_hidden);
  });
  return {.loss = at::full({}, loss, tokens.weights.options()), .logprobs = logprobs, .log_z = log_z};
}

// Trained tokens alone go through; d_hidden: [tokens, embed] out, or undefined.
CrossEntropy cross_entropy(const TrainedTokens& all, const Weight& head, const CrossEntropyOptions& options,
                           const at::Tensor& d_hidden) {
  const auto trained = at::nonzero(all.weights).squeeze(1);
  if (trained.size(0) == all.weights.size(0)) return run_chunks(all, head, options, d_hidden);
  const auto chosen = [&](const at::Tensor& tensor) { return tensor.index_select(0, trained); };
  const auto d_chosen =
      d_hidden.defined() ? at::empty({trained.size(0), d_hidden.size(1)}, d_hidden.options()) : at::Tensor();
  const auto part =
      run_chunks({.hidden = chosen(all.hidden), .targets = chosen(all.targets), .weights = chosen(all.weights)}, head,
                 options, d_chosen);
  const auto spread = [&](const at::Tensor& rows) { return at::zeros_like(all.weights).index_copy_(0, trained, rows); };
  if (d_hidden.defined()) d_hidden.zero_().index_copy_(0, trained, d_chosen);
  return {.loss = part.loss, .logprobs = spread(part.logprobs), .log_z = spread(part.log_z)};
}

struct CrossEntropyFunction : Function<CrossEntropyFunction> {
  static variable_list forward(AutogradContext* context, const at::Tensor& hidden,
                               const std::optional<at::Tensor>& /*anchor*/, const Weight& head,
                               const TrainedTokens& tokens, const CrossEntropyOptions& options) {
    const auto d_hidden = hidden.requires_grad() ? at::empty_like(hidden) : at::Tensor();
    const auto result = cross_entropy(tokens, head, options, d_hidden);
    context->saved_data["d_hidden"] = d_hidden;
    context->saved_data["head_trains"] = head.trains();
    context->mark_non_differentiable({result.logprobs, result.log_z});
    return {result.loss, result.logprobs, result.log_z};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto factor = gradients[0].item<double>();
    const bool gone_back = context->saved_data.count("gone_back") != 0;
    ENSURE(!gone_back);
    // The head's gradient stands already, as of a factor of 1.
    ENSURE(factor == 1 || !context->saved_data["head_trains"].toBool(), factor);
    context->saved_data["gone_back"] = true;
    auto d_hidden = context->saved_data["d_hidden"].toTensor();
    context->saved_data["d_hidden"] = at::Tensor();
    if (d_hidden.defined() && factor != 1) d_hidden.mul_(factor);
    return {d_hidden, {}, {}, {}, {}};
  }
};

}  // namespace

TokenLogprobs linear_logprobs(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                              double temperature) {
  check_inputs(hidden, head, targets);
  ENSURE(temperature > 0, temperature);
  const auto outputs = LogprobsFunction::apply(hidden.contiguous(), anchor_beside(hidden, head.trains()), head,
                                               targets.contiguous(), temperature);
  return {.logprobs = outputs[0], .entropy = outputs[1]};
}

CrossEntropy linear_cross_entropy(const at::Tensor& hidden, const Weight& head, const at::Tensor& targets,
                                  const at::Tensor& token_weights, const CrossEntropyOptions& options) {
  check_inputs(hidden, head, targets);
  ENSURE(token_weights.sizes() == targets.sizes() && token_weights.scalar_type() == compute_type(hidden.scalar_type()),
         token_weights.numel(), c10::toString(token_weights.scalar_type()));
  const TrainedTokens tokens{
      .hidden = hidden.detach(), .targets = targets.contiguous(), .weights = token_weights.contiguous()};
  if (!records(hidden, head.trains())) return cross_entropy(tokens, {.value = head.value, .grad = {}}, options, {});
  const auto outputs = CrossEntropyFunction::apply(hidden, anchor_beside(hidden, head.trains()), head, tokens, options);
  return {.loss = outputs[0], .logprobs = outputs[1], .log_z = outputs[2]};
}

}  // namespace llmtrain
