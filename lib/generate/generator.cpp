#include "lib/generate/generator.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"
#include "lib/ops/wide_product.h"

namespace llmtrain {
namespace {

at::Tensor to_tensor(std::span<const std::uint32_t> ids) {
  const auto tensor = at::empty({static_cast<std::int64_t>(ids.size())}, at::kInt);
  std::copy(ids.begin(), ids.end(), tensor.data_ptr<std::int32_t>());
  return tensor;
}

// Of the token after the last one: [1, vocab] fp32, which bf16 would round to equal ones.
at::Tensor last_logits(const Decoder& decoder, const at::Tensor& hidden) {
  const auto& head = decoder.head().value;
  const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto logits = at::empty({1, head.size(0)}, type);
  product_into(logits, hidden.narrow(0, hidden.size(0) - 1, 1), head.t());
  return logits.to(at::kFloat);
}

}  // namespace

std::vector<std::uint32_t> generate(const Decoder& decoder, std::span<const std::uint32_t> prompt,
                                    const GenerateOptions& options, const std::function<bool(std::uint32_t)>& each) {
  const at::NoGradGuard no_grad;
  const std::int64_t context = decoder.shape().context;
  const auto prompt_length = static_cast<std::int64_t>(prompt.size());
  ENSURE(prompt_length > 0 && prompt_length <= context, prompt_length, context);
  if (options.max_tokens == 0) return {};
  const std::int64_t capacity = std::min(context, prompt_length + options.max_tokens - 1);
  KvCache cache(decoder.shape(), 1, capacity, decoder.head().value.scalar_type());
  RandomStream random(options.seed, "generate", 0, options.sample);
  std::vector<std::uint32_t> made;
  auto hidden = decoder.hidden_cached(to_tensor(prompt), cache, 0);
  while (true) {
    const auto logits = last_logits(decoder, hidden);
    const auto* values = logits.const_data_ptr<float>();
    made.push_back(sample_token({values, static_cast<std::size_t>(logits.numel())}, options.sampler, random));
    const bool stops =
        std::find(options.stop_ids.begin(), options.stop_ids.end(), made.back()) != options.stop_ids.end();
    if ((each && !each(made.back())) || stops || cache.length(0) == capacity) break;
    hidden = decoder.hidden_cached(to_tensor(std::span(made).last(1)), cache, 0);
  }
  return made;
}

}  // namespace llmtrain
