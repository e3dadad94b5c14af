#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// A model as a Hugging Face folder: config.json, and model.safetensors or shards that model.safetensors.index.json
// names. Opening reads no weights but those that must be zeros, or equal to others: it checks that the tensors are
// those of the shape's class, by name, type (F32, BF16, F16) and shape, so that what is opened can be read. Throws
// input_error (3) with every tensor that is missing, unexpected or wrong; for files that are no plain names or lead out
// of the folder by a symbolic link (inside a cache of Hugging Face's, out of its repository); for pickles.
class HfFolder {
 public:
  explicit HfFolder(std::filesystem::path path);
  HfFolder(HfFolder&&) noexcept;
  HfFolder& operator=(HfFolder&&) noexcept;
  ~HfFolder();

  const std::filesystem::path& path() const;
  const ModelShape& shape() const;
  // The elements of one parameter of parameter_table(shape()), a tied head included, exactly as fp32. ENSUREs its name
  // and size. From any number of threads.
  void read(const std::string& parameter, std::span<float> out) const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

}  // namespace llmtrain
