#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "lib/generate/sampler.h"
#include "lib/model/decoder.h"

namespace llmtrain {

struct GenerateOptions {
  SamplerOptions sampler;
  std::int64_t max_tokens = 0;
  std::vector<std::uint32_t> stop_ids;  // generation ends with any of these, which is given back as well
  std::uint64_t seed = 0;
  std::uint32_t sample = 0;  // which of several with the same seed
};

// Continues a prompt (at least one id, no more than the model's context) with a KV cache, up to max_tokens or until the
// context is full; what it predicts after itself is the last id then. `each` is told every new id and may end it by
// returning false. Gives the new ids. The same seed gives the same ids, whatever came before.
std::vector<std::uint32_t> generate(const Decoder& decoder, std::span<const std::uint32_t> prompt,
                                    const GenerateOptions& options,
                                    const std::function<bool(std::uint32_t)>& each = nullptr);

}  // namespace llmtrain
