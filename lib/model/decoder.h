#pragma once
#include <cstdint>
#include <vector>

#include "lib/arch/model_shape.h"
#include "lib/model/block.h"
#include "lib/model/kv_cache.h"
#include "lib/ops/dropout.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// How a decoder's parameters lie in a store: what one product reads lies together. With Muon, the blocks' matrices are
// stepped by it.
StoreLayout decoder_layout(const ModelShape& shape, StepRule block_matrices);

// Rows of tokens laid end to end.
struct DecoderInput {
  at::Tensor tokens;                    // [tokens] int32, below vocab
  at::Tensor positions;                 // [tokens] int32, below context
  std::vector<std::int32_t> documents;  // where each begins, rising from 0, then the number of tokens
};

struct ForwardOptions {
  DropoutStream dropout;   // site is set by the model; rate 0 outside of training
  bool recompute = false;  // keep the blocks' inputs only, and compute a block again in the backward pass
};

// The next tokens of one cached sequence.
struct CachedPiece {
  std::int64_t slot = 0;
  std::int64_t tokens = 0;
};

// One decoder for GPT-2, Llama, Mistral and Qwen: pre-norm blocks; the shape says what they are made of. Reads its
// weights from the store, and its backward pass adds their gradients to the store's.
class Decoder {
 public:
  Decoder(const ModelShape& shape, const WeightStore& store);

  const ModelShape& shape() const { return shape_; }
  // The residual stream after the last norm: [tokens, embed].
  at::Tensor hidden(const DecoderInput& input, const ForwardOptions& options = {}) const;
  // Continues sequences in slots of the cache, each slot once, without gradients. tokens: [new tokens] int32, those of
  // the pieces one after another; a piece's first stands at position cache.length(slot). Gives [new tokens, embed] and
  // moves the slots on.
  at::Tensor hidden_cached(const at::Tensor& tokens, KvCache& cache, const std::vector<CachedPiece>& pieces) const;
  // The same of one sequence.
  at::Tensor hidden_cached(const at::Tensor& tokens, KvCache& cache, std::int64_t slot) const;
  // The output head: [vocab, embed].
  const Weight& head() const { return head_; }

 private:
  at::Tensor embed(const at::Tensor& tokens, const at::Tensor& positions) const;
  at::Tensor final_norm(const at::Tensor& x) const;

  ModelShape shape_;
  Weight token_table_;
  Weight position_table_;
  std::vector<Block> blocks_;
  NormWeights norm_;
  Weight head_;
  RopeTable rope_;
};

}  // namespace llmtrain
