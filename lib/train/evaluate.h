#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "lib/data/loader.h"
#include "lib/model/decoder.h"

namespace llmtrain {

// How well a model predicts held-out text.
struct Evaluation {
  double loss = 0;  // nats a trained token
  double perplexity = 0;
  double bits_per_byte = 0;
  std::int64_t tokens = 0;  // trained targets
  std::int64_t bytes = 0;   // of them as text
};

// Every row of the loader, which is taken back to its beginning first, in batches. token_bytes: [vocab] bytes of each
// id's text. stop: asked between batches; true ends with stopped_error (75). No gradients, no dropout.
Evaluation evaluate(const Decoder& decoder, RowLoader& rows, const std::vector<std::uint32_t>& token_bytes,
                    const std::function<bool()>& stop);

}  // namespace llmtrain
