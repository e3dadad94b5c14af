#include "lib/model/decoder.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/model/recompute.h"
#include "lib/ops/embedding.h"

namespace llmtrain {
namespace {

// The first site of dropout is behind the embedding.
constexpr std::uint32_t kEmbeddingSite = 0;

std::uint32_t first_site(std::size_t layer) {
  return kEmbeddingSite + 1 + kDropoutSitesPerBlock * static_cast<std::uint32_t>(layer);
}

}  // namespace

StoreLayout decoder_layout(const ModelShape& shape, StepRule block_matrices) {
  StoreLayout layout{.parameters = parameter_table(shape), .joined = {}, .rules = {}};
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    for (const auto* kind : {"weight", "bias"}) {
      const std::string block = fmt::format("model.layers.{}.", layer);
      layout.joined.push_back({fmt::format("{}self_attn.q_proj.{}", block, kind),
                               fmt::format("{}self_attn.k_proj.{}", block, kind),
                               fmt::format("{}self_attn.v_proj.{}", block, kind)});
      layout.joined.push_back(
          {fmt::format("{}mlp.gate_proj.{}", block, kind), fmt::format("{}mlp.up_proj.{}", block, kind)});
    }
  }
  if (shape.activation != ActivationKind::kSwiglu) {
    std::erase_if(layout.joined,
                  [](const auto& names) { return names.front().find("gate_proj") != std::string::npos; });
  }
  for (const auto& parameter : layout.parameters) {
    const bool in_block = parameter.part == ModelPart::kAttention || parameter.part == ModelPart::kFeedForward;
    if (in_block && parameter.shape.size() == 2) layout.rules[parameter.name] = block_matrices;
  }
  return layout;
}

Decoder::Decoder(const ModelShape& shape, const WeightStore& store)
    : shape_(shape),
      token_table_(store.weight("model.embed_tokens.weight")),
      norm_(norm_weights(store, "model.norm")),
      head_(store.weight("lm_head.weight")) {
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) blocks_.emplace_back(shape, store, layer);
  if (shape.positions == PositionKind::kLearned) {
    position_table_ = store.weight("model.embed_positions.weight");
  } else {
    const auto type = head_.value.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    rope_ = rope_table(shape.context, shape.head_dim, shape.rope_theta, shape.rope_scaling, type);
  }
}

at::Tensor Decoder::embed(const at::Tensor& tokens, const at::Tensor& positions) const {
  const auto x = embedding(tokens, token_table_);
  return position_table_.defined() ? x + embedding(positions, position_table_) : x;
}

at::Tensor Decoder::final_norm(const at::Tensor& x) const { return norm(x, norm_, shape_); }

at::Tensor Decoder::hidden(const DecoderInput& input, const ForwardOptions& options) const {
  ENSURE(!input.documents.empty() && input.documents.back() == input.tokens.size(0), input.documents.size());
  BlockInput block_input{.positions = input.positions, .documents = input.documents, .dropout = options.dropout};
  block_input.dropout.site = kEmbeddingSite;
  auto x = dropout(embed(input.tokens, input.positions), block_input.dropout);
  for (std::size_t layer = 0; layer < blocks_.size(); ++layer) {
    block_input.dropout.site = first_site(layer);
    const auto forward = [this, layer, block_input](const at::Tensor& in) {
      return blocks_[layer].forward(in, rope_, block_input);
    };
    x = options.recompute ? recomputed(x, forward) : forward(x);
  }
  return final_norm(x);
}

at::Tensor Decoder::hidden_cached(const at::Tensor& tokens, KvCache& cache,
                                  const std::vector<CachedPiece>& pieces) const {
  const at::NoGradGuard no_grad;
  CachedInput input{.positions = at::empty({tokens.size(0)}, at::kInt), .rows = {}, .sequences = {}};
  auto* position = input.positions.mutable_data_ptr<std::int32_t>();
  for (const auto& piece : pieces) {
    const std::int64_t begin = cache.length(piece.slot);
    const std::int64_t end = begin + piece.tokens;
    ENSURE(end <= cache.capacity() && end <= shape_.context, end, cache.capacity(), shape_.context);
    const std::int64_t first = cache.first_row(piece.slot);
    input.sequences.push_back({.first_key = first, .keys = end, .queries = piece.tokens});
    ENSURE(static_cast<std::int64_t>(input.rows.size()) + piece.tokens <= tokens.size(0), tokens.size(0));
    for (std::int64_t at = begin; at < end; ++at) {
      input.rows.push_back(first + at);
      *position++ = static_cast<std::int32_t>(at);
    }
  }
  ENSURE(static_cast<std::int64_t>(input.rows.size()) == tokens.size(0), input.rows.size(), tokens.size(0));
  auto x = embed(tokens, input.positions);
  for (const auto& block : blocks_) x = block.forward_cached(x, rope_, input, cache);
  for (const auto& piece : pieces) cache.set_length(piece.slot, cache.length(piece.slot) + piece.tokens);
  return final_norm(x);
}

at::Tensor Decoder::hidden_cached(const at::Tensor& tokens, KvCache& cache, std::int64_t slot) const {
  return hidden_cached(tokens, cache, {{.slot = slot, .tokens = tokens.size(0)}});
}

}  // namespace llmtrain
