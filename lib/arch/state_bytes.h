#pragma once
#include <cstdint>
#include <string_view>

namespace llmtrain {

// How training stores a parameter: bytes of each kind of state. Moments are AdamW's two.
struct StateRecipe {
  std::string_view name;
  std::int64_t weight = 0;
  std::int64_t master = 0;  // the fp32 copy that the optimizer steps, where weights are narrower
  std::int64_t gradient = 0;
  std::int64_t moments = 0;
};

inline constexpr StateRecipe kFp32Recipe = {"fp32", 4, 0, 4, 8};
// Gradients stay bf16 only when one micro-batch makes the step; several are added up in fp32.
inline constexpr StateRecipe kBf16Recipe = {"bf16", 2, 4, 2, 8};
inline constexpr StateRecipe kBf16AccumulatedRecipe = {"bf16, accumulated", 2, 4, 4, 8};

struct StateBytes {
  std::int64_t weights = 0;
  std::int64_t master = 0;
  std::int64_t gradients = 0;
  std::int64_t moments = 0;
  std::int64_t total() const { return weights + master + gradients + moments; }
};

// Activations come on top; they depend on the batch.
constexpr StateBytes state_bytes(std::int64_t parameters, const StateRecipe& recipe) {
  return {.weights = parameters * recipe.weight,
          .master = parameters * recipe.master,
          .gradients = parameters * recipe.gradient,
          .moments = parameters * recipe.moments};
}

}  // namespace llmtrain
