#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/arch/model_shape.h"

namespace llmtrain {

enum class ModelPart { kEmbedding, kAttention, kFeedForward, kNorm, kHead };

std::string_view part_name(ModelPart part);

// One tensor that trains. Names are those of Hugging Face's Llama, Mistral, Qwen 2 and Qwen 3, for every shape; learned
// positions are model.embed_positions.weight. hf_layout.h says what a folder for GPT-2 calls them.
struct Parameter {
  std::string name;
  std::vector<std::int64_t> shape;  // matrices as [out, in], tables as [rows, embed]
  ModelPart part = ModelPart::kNorm;
  // Weight decay applies: matrices and tables yes (a table that is also the head is a matrix), vectors no. This is what
  // nanoGPT and the transformers trainer do.
  bool decays = false;
  bool only_looked_up = false;  // a table that no matrix product reads
  std::string tied_to = {};     // the parameter whose storage this one shares; empty for one of its own

  std::int64_t elements() const;
};

// In the order of the forward pass: embeddings, blocks, final norm, head. A tied head is listed, tied to its embedding.
std::vector<Parameter> parameter_table(const ModelShape& shape);

// Numbers of parameters, a tied head counted once, as embedding.
struct ParameterCounts {
  std::int64_t embedding = 0;
  std::int64_t attention = 0;
  std::int64_t feed_forward = 0;
  std::int64_t norm = 0;
  std::int64_t head = 0;
  std::int64_t only_looked_up = 0;  // of the above, tables that no matrix product reads

  std::int64_t total() const { return embedding + attention + feed_forward + norm + head; }
};

ParameterCounts count_parameters(const ModelShape& shape);

}  // namespace llmtrain
