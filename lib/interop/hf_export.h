#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "lib/arch/model_shape.h"
#include "lib/interop/hf_config.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

enum class HfDtype { kF32, kBf16 };

// What a folder is made of.
struct HfExport {
  ModelShape shape;
  const Tokenizer* tokenizer = nullptr;  // no tokenizer's files without one
  HfTokens tokens;
  // The elements of a parameter of parameter_table(shape) that is tied to no other. What it gives is read before it is
  // called again.
  std::function<std::span<const float>(const std::string& parameter)> weights;
  HfDtype dtype = HfDtype::kF32;  // bfloat16 is rounded to the nearest, ties to even
  std::optional<std::string> chat_template;
  std::uint64_t shard_bytes = 5'000'000'000;  // more than this is cut into several files, between tensors
};

// Writes the folder as an AtomicFolder: a model that stands there is replaced, whole, and a folder with other files in
// it is refused. Takes memory for one tensor at most. The same input gives the same bytes.
// Throws config_error (2) if no class of transformers says the shape, storage_error (5).
void write_hf_folder(const std::filesystem::path& folder, const HfExport& model);

}  // namespace llmtrain
