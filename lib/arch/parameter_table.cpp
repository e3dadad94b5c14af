#include "lib/arch/parameter_table.h"

#include <functional>
#include <numeric>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

class Table {
 public:
  explicit Table(const ModelShape& shape) : shape_(shape) {}

  std::vector<Parameter> build() {
    add_embeddings();
    for (std::int64_t layer = 0; layer < shape_.layers; ++layer) add_block(fmt::format("model.layers.{}.", layer));
    add_norm("model.norm");
    auto& head = add_matrix("lm_head.weight", shape_.vocab, shape_.embed, ModelPart::kHead);
    if (shape_.tied) head.tied_to = kTokenTable;
    return std::move(parameters_);
  }

 private:
  static constexpr const char* kTokenTable = "model.embed_tokens.weight";

  Parameter& add_matrix(std::string name, std::int64_t out, std::int64_t in, ModelPart part) {
    parameters_.push_back({.name = std::move(name), .shape = {out, in}, .part = part, .decays = true});
    return parameters_.back();
  }
  void add_vector(std::string name, std::int64_t size, ModelPart part) {
    parameters_.push_back({.name = std::move(name), .shape = {size}, .part = part});
  }

  void add_embeddings() {
    auto& tokens = add_matrix(kTokenTable, shape_.vocab, shape_.embed, ModelPart::kEmbedding);
    tokens.only_looked_up = !shape_.tied;
    if (shape_.positions == PositionKind::kLearned) {
      auto& positions = add_matrix("model.embed_positions.weight", shape_.context, shape_.embed, ModelPart::kEmbedding);
      positions.only_looked_up = true;
    }
  }

  void add_norm(const std::string& name) {
    add_vector(name + ".weight", shape_.embed, ModelPart::kNorm);
    if (shape_.norm == NormKind::kLayerNorm && shape_.bias) add_vector(name + ".bias", shape_.embed, ModelPart::kNorm);
  }

  struct Width {
    std::int64_t out;
    std::int64_t in;
  };
  void add_projection(const std::string& name, Width width, bool bias, ModelPart part) {
    add_matrix(name + ".weight", width.out, width.in, part);
    if (bias) add_vector(name + ".bias", width.out, part);
  }

  void add_block(const std::string& block) {
    const auto& s = shape_;
    add_norm(block + "input_layernorm");
    const std::string attention = block + "self_attn.";
    add_projection(attention + "q_proj", {s.query_width(), s.embed}, s.qkv_bias, ModelPart::kAttention);
    add_projection(attention + "k_proj", {s.kv_width(), s.embed}, s.qkv_bias, ModelPart::kAttention);
    add_projection(attention + "v_proj", {s.kv_width(), s.embed}, s.qkv_bias, ModelPart::kAttention);
    if (s.qk_norm) {
      add_vector(attention + "q_norm.weight", s.head_dim, ModelPart::kNorm);
      add_vector(attention + "k_norm.weight", s.head_dim, ModelPart::kNorm);
    }
    add_projection(attention + "o_proj", {s.embed, s.query_width()}, s.bias, ModelPart::kAttention);
    add_norm(block + "post_attention_layernorm");
    const std::string mlp = block + "mlp.";
    if (s.activation == ActivationKind::kSwiglu) {
      add_projection(mlp + "gate_proj", {s.ffn, s.embed}, s.bias, ModelPart::kFeedForward);
    }
    add_projection(mlp + "up_proj", {s.ffn, s.embed}, s.bias, ModelPart::kFeedForward);
    add_projection(mlp + "down_proj", {s.embed, s.ffn}, s.bias, ModelPart::kFeedForward);
  }

  const ModelShape& shape_;
  std::vector<Parameter> parameters_;
};

std::int64_t& count_of(ParameterCounts& counts, ModelPart part) {
  switch (part) {
    case ModelPart::kEmbedding:
      return counts.embedding;
    case ModelPart::kAttention:
      return counts.attention;
    case ModelPart::kFeedForward:
      return counts.feed_forward;
    case ModelPart::kHead:
      return counts.head;
    case ModelPart::kNorm:
      break;
  }
  return counts.norm;
}

}  // namespace

std::string_view part_name(ModelPart part) {
  switch (part) {
    case ModelPart::kEmbedding:
      return "embedding";
    case ModelPart::kAttention:
      return "attention";
    case ModelPart::kFeedForward:
      return "feed_forward";
    case ModelPart::kNorm:
      return "norm";
    case ModelPart::kHead:
      break;
  }
  return "head";
}

std::int64_t Parameter::elements() const {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::vector<Parameter> parameter_table(const ModelShape& shape) { return Table(shape).build(); }

ParameterCounts count_parameters(const ModelShape& shape) {
  ParameterCounts counts;
  for (const auto& parameter : parameter_table(shape)) {
    if (!parameter.tied_to.empty()) continue;
    count_of(counts, parameter.part) += parameter.elements();
    if (parameter.only_looked_up) counts.only_looked_up += parameter.elements();
  }
  return counts;
}

}  // namespace llmtrain
