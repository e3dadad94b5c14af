#include "lib/generate/generator.h"

#include <algorithm>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"
#include "lib/ops/wide_product.h"

namespace llmtrain {
namespace {

// Tokens of a prompt that are computed at once: enough for products to be fast, few enough for a stop to be soon and
// for memory not to grow with the prompt.
constexpr std::int64_t kPromptPiece = 512;

at::Tensor to_tensor(std::span<const std::uint32_t> ids) {
  const auto tensor = at::empty({static_cast<std::int64_t>(ids.size())}, at::kInt);
  std::copy(ids.begin(), ids.end(), tensor.mutable_data_ptr<std::int32_t>());
  return tensor;
}

// Of the tokens after these: [tokens, vocab] fp32, which bf16 would round to equal ones.
at::Tensor logits_of(const Decoder& decoder, const at::Tensor& hidden, std::int64_t vocab) {
  const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto logits = at::empty({hidden.size(0), vocab}, type);
  product_into(logits, hidden, decoder.head().value.narrow(0, 0, vocab).t());
  return logits.to(at::kFloat);
}

std::size_t common_beginning(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

Generator::Generator(const Decoder& decoder, const Sizes& sizes)
    : decoder_(decoder),
      vocab_(sizes.vocab),
      cache_(decoder.shape(), sizes.slots, sizes.capacity, decoder.head().value.scalar_type()),
      slots_(static_cast<std::size_t>(sizes.slots)) {
  ENSURE(sizes.slots > 0 && sizes.capacity > 0 && sizes.capacity <= decoder.shape().context, sizes.slots,
         sizes.capacity);
  ENSURE(sizes.vocab > 0 && sizes.vocab <= decoder.shape().vocab, sizes.vocab, decoder.shape().vocab);
}

bool Generator::run(std::span<const GenerateRequest> requests, const GenerateOptions& options,
                    const GenerateEvents& events) {
  const at::NoGradGuard no_grad;
  ENSURE(options.max_tokens > 0, options.max_tokens);
  for (auto& slot : slots_) slot.active = false;  // a run that ended early left some
  std::size_t next = 0;
  while (true) {
    std::vector<std::size_t> active;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].active && next < requests.size()) {
        if (!begin(i, next, requests[next], options)) return false;
        ++next;
      }
      if (slots_[i].active) active.push_back(i);
    }
    if (active.empty()) return true;
    if (stop_requested() || (events.wanted && !events.wanted())) return false;
    const auto ids = draw(active);
    for (std::size_t i = 0; i < active.size(); ++i) take(slots_[active[i]], ids[i], options, events);
  }
}

// Computes all of a prompt but its last token, which the next step takes with those of the other slots. False where a
// stop was asked for.
bool Generator::begin(std::size_t slot, std::size_t number, const GenerateRequest& request,
                      const GenerateOptions& options) {
  const auto& prompt = request.prompt;
  const auto length = static_cast<std::int64_t>(prompt.size());
  ENSURE(length > 0 && length <= cache_.capacity(), length, cache_.capacity());
  auto& filled = slots_[slot];
  filled.request = number;
  filled.left = std::min(options.max_tokens, cache_.capacity() - length + 1);
  filled.random = RandomStream(options.seed, "generate", request.prompt_number, request.sample);
  filled.sampler = Sampler(options.sampler);
  auto done = static_cast<std::int64_t>(reuse_beginning(slot, prompt));
  filled.ids = prompt;
  while (done < length - 1) {
    if (stop_requested()) return false;
    const auto count = std::min(kPromptPiece, length - 1 - done);
    const auto piece = std::span(prompt).subspan(static_cast<std::size_t>(done), static_cast<std::size_t>(count));
    decoder_.hidden_cached(to_tensor(piece), cache_, static_cast<std::int64_t>(slot));
    done += count;
  }
  filled.active = true;
  return true;
}

// Gives how many tokens of the prompt the slot has then: less than all, since the last one's logits are wanted.
std::size_t Generator::reuse_beginning(std::size_t slot, const std::vector<std::uint32_t>& prompt) {
  std::size_t best = slot;
  std::size_t most = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const auto cached = static_cast<std::size_t>(cache_.length(static_cast<std::int64_t>(i)));
    const auto common = common_beginning(std::span(slots_[i].ids).first(std::min(cached, slots_[i].ids.size())),
                                         std::span(prompt).first(prompt.size() - 1));
    if (common > most || (common == most && i == slot)) {
      best = i;
      most = common;
    }
  }
  cache_.copy(static_cast<std::int64_t>(best), static_cast<std::int64_t>(slot), static_cast<std::int64_t>(most));
  return most;
}

// The next ids of these slots.
std::vector<std::uint32_t> Generator::draw(const std::vector<std::size_t>& active) {
  std::vector<std::uint32_t> last;
  std::vector<CachedPiece> pieces;
  for (const auto slot : active) {
    last.push_back(slots_[slot].ids.back());
    pieces.push_back({.slot = static_cast<std::int64_t>(slot), .tokens = 1});
  }
  const auto logits = logits_of(decoder_, decoder_.hidden_cached(to_tensor(last), cache_, pieces), vocab_);
  const std::span<float> all{logits.data_ptr<float>(), static_cast<std::size_t>(logits.numel())};
  const auto vocab = static_cast<std::size_t>(vocab_);
  std::vector<std::uint32_t> ids(active.size());
  at::parallel_for(0, static_cast<std::int64_t>(active.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      auto& slot = slots_[active[i]];
      ids[i] = slot.sampler.draw(all.subspan(i * vocab, vocab), slot.ids, slot.random);
    }
  });
  return ids;
}

void Generator::take(Slot& slot, std::uint32_t id, const GenerateOptions& options, const GenerateEvents& events) {
  slot.ids.push_back(id);
  --slot.left;
  const bool goes_on = !events.token || events.token(slot.request, id);
  const bool ends = std::find(options.end_ids.begin(), options.end_ids.end(), id) != options.end_ids.end();
  if (goes_on && !ends && slot.left > 0) return;
  slot.active = false;
  if (events.end)
    events.end(slot.request, ends ? EndReason::kEndId : goes_on ? EndReason::kLength : EndReason::kStopped);
}

std::int64_t capacity_for(const ModelShape& shape, std::span<const GenerateRequest> requests, std::int64_t max_tokens) {
  std::int64_t longest = 0;
  for (const auto& request : requests) longest = std::max(longest, static_cast<std::int64_t>(request.prompt.size()));
  // The last token made is not computed again.
  const auto after = std::min(std::max<std::int64_t>(max_tokens, 1) - 1, shape.context);
  return std::min(shape.context, longest + after);
}

std::int64_t slots_that_fit(const ModelShape& shape, at::ScalarType type, std::int64_t wanted, std::int64_t capacity,
                            std::uint64_t available) {
  const auto each = static_cast<std::uint64_t>(kv_cache_bytes(shape, capacity, type));
  const auto fit = static_cast<std::int64_t>(std::min<std::uint64_t>(available / each, 1U << 30U));
  if (fit > 0) return std::min(wanted, fit);
  throw Error(ExitCode::kOutOfMemory,
              fmt::format("keys and values of one text of {} tokens take {}, {} of memory are available; ask for fewer "
                          "tokens, or take bf16",
                          capacity, human_bytes(each), human_bytes(available)));
}

}  // namespace llmtrain
