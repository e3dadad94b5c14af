#include "lib/generate/trained_model.h"

#include <utility>

#include <c10/core/ScalarType.h>

#include "lib/base/error.h"
#include "lib/base/host_memory.h"
#include "lib/base/text.h"
#include "lib/interop/hf_end_tokens.h"
#include "lib/params/weight_loading.h"

namespace llmtrain {
namespace {

void check_memory(const std::filesystem::path& folder, const ModelShape& shape, at::ScalarType compute) {
  const auto bytes = static_cast<std::uint64_t>(count_parameters(shape).total()) * c10::elementSize(compute);
  const auto available = host_memory().available;
  if (bytes <= available) return;
  throw Error(ExitCode::kOutOfMemory,
              fmt::format("{}: the weights take {}, {} of memory are available{}", folder.string(), human_bytes(bytes),
                          human_bytes(available), compute == at::kBFloat16 ? "" : "; bf16 halves it"));
}

std::vector<std::uint32_t> end_tokens(const std::filesystem::path& folder, const Tokenizer& tokenizer) {
  auto ids = hf_end_tokens(folder, static_cast<std::int64_t>(tokenizer.vocab_size()));
  if (const auto end = tokenizer.end_of_document(); ids.empty() && end) ids.push_back(*end);
  return ids;
}

}  // namespace

TrainedModel open_trained_model(const std::filesystem::path& folder, at::ScalarType compute) {
  return open_trained_model(HfFolder(folder), compute);
}

TrainedModel open_trained_model(const HfFolder& files, at::ScalarType compute) {
  const auto& folder = files.path();
  const auto& shape = files.shape();
  auto tokenizer = Tokenizer::load(folder);
  if (static_cast<std::int64_t>(tokenizer.vocab_size()) > shape.vocab) {
    throw input_error("{}: the tokenizer has {} ids, expected at most the {} that the model has embeddings for",
                      folder.string(), tokenizer.vocab_size(), shape.vocab);
  }
  auto end_ids = end_tokens(folder, tokenizer);
  check_memory(folder, shape, compute);
  auto store = std::make_unique<WeightStore>(decoder_layout(shape, StepRule::kAdamW), inference_types(compute));
  load_weights(*store, files);
  auto decoder = std::make_unique<Decoder>(shape, *store);
  return {.shape = shape,
          .tokenizer = std::move(tokenizer),
          .store = std::move(store),
          .decoder = std::move(decoder),
          .end_ids = std::move(end_ids)};
}

}  // namespace llmtrain
