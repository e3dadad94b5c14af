#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// The transformers class that computes what this shape computes.
enum class HfFamily { kGpt2, kLlama, kMistral, kQwen2, kQwen3 };

// "LlamaForCausalLM"
std::string_view hf_class_name(HfFamily family);

// Nothing where no class says the shape, e.g. rotary positions with layer norms.
std::optional<HfFamily> hf_family(const ModelShape& shape);

// One tensor of a Hugging Face folder and the parameters (parameter_table.h) it is made of.
struct HfTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  // Joined along the first axis, in this order. None: zeros, for a bias that the class has and the shape has not.
  std::vector<std::string> parameters = {};
  bool transposed = false;  // after joining: stored as [in, out]
};

// The tensors of a folder for hf_family(shape), which must be there. A tied head has none of its own.
std::vector<HfTensor> hf_tensors(const ModelShape& shape);

}  // namespace llmtrain
