#include "lib/interop/hf_export.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "lib/arch/hf_layout.h"
#include "lib/arch/parameter_table.h"
#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/interop/atomic_folder.h"
#include "lib/interop/float_formats.h"
#include "lib/interop/hf_files.h"
#include "lib/interop/hf_tokenizer_files.h"
#include "lib/io/safetensors.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkElements = std::size_t{1} << 18;

SafetensorsEntry entry_of(const HfTensor& tensor, HfDtype dtype) {
  return {.name = tensor.name,
          .dtype = dtype == HfDtype::kBf16 ? SafetensorsDtype::kBF16 : SafetensorsDtype::kF32,
          .shape = tensor.shape};
}

// Tensors in their order, cut before the one that would make a file too large.
std::vector<std::vector<HfTensor>> cut_into_shards(std::vector<HfTensor> tensors, const HfExport& model) {
  std::vector<std::vector<HfTensor>> shards;
  std::uint64_t bytes = 0;
  for (auto& tensor : tensors) {
    const std::uint64_t size = entry_of(tensor, model.dtype).bytes();
    if (shards.empty() || bytes + size > model.shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += size;
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

// Writes a shard's tensors one after the other.
class ShardWriter {
 public:
  ShardWriter(const HfExport& model, const std::map<std::string, std::vector<std::int64_t>>& shapes, AtomicFile& file)
      : model_(model), shapes_(shapes), file_(file) {}

  void write(const HfTensor& tensor) {
    if (tensor.parameters.empty()) {
      write_zeros(entry_of(tensor, model_.dtype).bytes());
    } else if (tensor.transposed) {
      write_transposed(tensor);
    } else {
      for (const auto& parameter : tensor.parameters) write_floats(elements_of(parameter));
    }
  }

 private:
  std::span<const float> elements_of(const std::string& parameter) const {
    std::size_t expected = 1;
    for (const auto size : shapes_.at(parameter)) expected *= static_cast<std::size_t>(size);
    const auto elements = model_.weights(parameter);
    ENSURE(elements.size() == expected, parameter, elements.size(), expected);
    return elements;
  }

  void write_zeros(std::uint64_t bytes) {
    const std::vector<std::byte> zeros(bytes);
    file_.write(zeros);
  }

  void write_floats(std::span<const float> floats) {
    if (model_.dtype == HfDtype::kF32) return file_.write(std::as_bytes(floats));
    std::vector<std::uint16_t> narrow;
    for (std::size_t first = 0; first < floats.size(); first += kChunkElements) {
      const auto chunk = floats.subspan(first, std::min(kChunkElements, floats.size() - first));
      narrow.resize(chunk.size());
      std::transform(chunk.begin(), chunk.end(), narrow.begin(), to_bfloat16);
      file_.write(std::as_bytes(std::span<const std::uint16_t>(narrow)));
    }
  }

  // [out, in] parameters side by side as [in, all out].
  void write_transposed(const HfTensor& tensor) {
    const auto inner = static_cast<std::size_t>(tensor.shape.front());
    const auto width = static_cast<std::size_t>(tensor.shape.back());
    std::vector<float> turned(inner * width);
    std::size_t first = 0;
    for (const auto& parameter : tensor.parameters) {
      const auto elements = elements_of(parameter);
      const std::size_t rows = elements.size() / inner;
      for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t i = 0; i < inner; ++i) turned[i * width + first + row] = elements[row * inner + i];
      }
      first += rows;
    }
    write_floats(turned);
  }

  const HfExport& model_;
  const std::map<std::string, std::vector<std::int64_t>>& shapes_;
  AtomicFile& file_;
};

void write_weights(const fs::path& folder, const HfExport& model) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& parameter : parameter_table(model.shape)) shapes[parameter.name] = parameter.shape;
  const auto shards = cut_into_shards(hf_tensors(model.shape), model);
  std::vector<HfShard> index;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? std::string(kHfSingleFile) : hf_shard_name(i + 1, shards.size());
    index.push_back({.file = name, .tensors = {}});
    std::vector<SafetensorsEntry> entries;
    for (const auto& tensor : shards[i]) {
      entries.push_back(entry_of(tensor, model.dtype));
      total += entries.back().bytes();
      index.back().tensors.push_back(tensor.name);
    }
    AtomicFile file(folder / name);
    file.write(safetensors_header(entries, {{"format", "pt"}}));
    ShardWriter writer(model, shapes, file);
    for (const auto& tensor : shards[i]) writer.write(tensor);
    file.commit();
  }
  if (shards.size() > 1) write_file(folder / kHfIndexFile, hf_index_json(index, total));
}

void write_tokenizer(const fs::path& folder, const HfExport& model) {
  if (model.tokenizer == nullptr) return;
  const auto& tokenizer = *model.tokenizer;
  ENSURE(tokenizer.vocab_size() <= static_cast<std::size_t>(model.shape.vocab), tokenizer.vocab_size(),
         model.shape.vocab);
  write_file(folder / "tokenizer.json", tokenizer.to_json());
  const HfTokenizerFacts facts{
      .tokens = model.tokens, .context = model.shape.context, .chat_template = model.chat_template};
  write_file(folder / "tokenizer_config.json", hf_tokenizer_config_json(tokenizer, facts));
  write_file(folder / "special_tokens_map.json", hf_special_tokens_map_json(tokenizer, model.tokens));
  if (model.chat_template) write_file(folder / "chat_template.jinja", *model.chat_template);
}

}  // namespace

void write_hf_folder(const fs::path& folder, const HfExport& model) {
  if (!hf_family(model.shape)) {
    throw config_error(
        "{}: no class of transformers computes this model (norm {}, positions {}, activation {}, bias {}, "
        "qk_norm {}), so it cannot be written as a Hugging Face folder",
        folder.string(), enum_name(model.shape.norm), enum_name(model.shape.positions),
        enum_name(model.shape.activation), model.shape.bias, model.shape.qk_norm);
  }
  AtomicFolder atomic(folder, is_hf_file_name);
  const auto& temporary = atomic.temporary();
  const std::string_view dtype = model.dtype == HfDtype::kBf16 ? "bfloat16" : "float32";
  write_file(temporary / "config.json", hf_config_json(model.shape, model.tokens, dtype));
  write_file(temporary / "generation_config.json", hf_generation_config_json(model.tokens));
  write_tokenizer(temporary, model);
  write_weights(temporary, model);
  atomic.commit();
}

}  // namespace llmtrain
