#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lib/base/random.h"
#include "lib/generate/made_text.h"
#include "lib/generate/sampler.h"
#include "lib/model/decoder.h"

namespace llmtrain {

struct GenerateOptions {
  SamplerOptions sampler;
  std::int64_t max_tokens = 0;
  std::vector<std::uint32_t> end_ids;  // a text ends with any of these, which is told as well
  std::uint64_t seed = 0;
};

// One text to make. Prompt: at least one id, no more than the model's context.
struct GenerateRequest {
  std::vector<std::uint32_t> prompt;
  // Say which random numbers it takes: (seed, prompt, sample) names a stream of its own.
  std::uint64_t prompt_number = 0;
  std::uint32_t sample = 0;
};

struct GenerateEvents {
  // Every new id of a text, in order; false ends the text.
  std::function<bool(std::size_t request, std::uint32_t id)> token;
  std::function<void(std::size_t request, EndReason reason)> end;
  // Asked before each step: false ends everything.
  std::function<bool()> wanted;
};

// Continues prompts with a KV cache, as many texts at once as there are slots; a slot that gets free takes the next
// request. What a slot has of a prompt already, its own beginning or another slot's, is not computed again.
//
// Randomness: a text's tokens are a function of seed, prompt number, sample and what the model computes; what else is
// in the batch has no part in it but for rounding, since products of more rows may be summed in another order. The same
// requests with the same slots, threads and program give the same ids.
class Generator {
 public:
  struct Sizes {
    std::int64_t slots = 1;
    std::int64_t capacity = 0;  // tokens of a slot: see capacity_for
    std::int64_t vocab = 0;     // ids at and above it are never drawn: those of no token
  };
  // The decoder must outlive it.
  Generator(const Decoder& decoder, const Sizes& sizes);

  // Makes all texts. A text goes on up to max_tokens or until the context (or the slot) is full; what the model
  // predicts after that is its last id. False where a signal asked for a stop or nobody wants any more: then some texts
  // have not ended. Throws Error (4) for logits that are no numbers.
  bool run(std::span<const GenerateRequest> requests, const GenerateOptions& options, const GenerateEvents& events);

 private:
  struct Slot {
    std::vector<std::uint32_t> ids;  // in the cache, then the one that is computed next
    std::size_t request = 0;
    bool active = false;
    std::int64_t left = 0;  // tokens to make
    RandomStream random{0, "generate"};
    Sampler sampler{SamplerOptions{}};
  };
  bool begin(std::size_t slot, std::size_t number, const GenerateRequest& request, const GenerateOptions& options);
  std::size_t reuse_beginning(std::size_t slot, const std::vector<std::uint32_t>& prompt);
  std::vector<std::uint32_t> draw(const std::vector<std::size_t>& active);
  void take(Slot& slot, std::uint32_t id, const GenerateOptions& options, const GenerateEvents& events);

  const Decoder& decoder_;
  std::int64_t vocab_;
  KvCache cache_;
  std::vector<Slot> slots_;
};

// Tokens that a slot must hold for these requests: the longest prompt and what is made after it, at most the context.
std::int64_t capacity_for(const ModelShape& shape, std::span<const GenerateRequest> requests, std::int64_t max_tokens);

// `wanted` slots, or as many of them as fit into `available` bytes. Throws Error (8), with what is needed and what
// there is, where not even one does.
std::int64_t slots_that_fit(const ModelShape& shape, at::ScalarType type, std::int64_t wanted, std::int64_t capacity,
                            std::uint64_t available);

}  // namespace llmtrain
