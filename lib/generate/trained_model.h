#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "lib/interop/hf_folder.h"
#include "lib/model/decoder.h"
#include "lib/params/weight_store.h"
#include "lib/tokenizer/tokenizer.h"

namespace llmtrain {

// A model folder opened for inference: nothing in it trains.
struct TrainedModel {
  ModelShape shape;
  Tokenizer tokenizer;  // of at most shape.vocab ids
  std::unique_ptr<WeightStore> store;
  std::unique_ptr<Decoder> decoder;
  std::vector<std::uint32_t> end_ids;  // any of them ends a text; below the tokenizer's size
};

// Opens a Hugging Face folder; compute: the type that weights are kept in and computed with. What ends a text is what
// hf_end_tokens says, else the tokenizer's end of document, else nothing. Throws input_error (3) for what cannot be
// read in weights, config or tokenizer, or does not fit together; Error (8) where the weights do not fit into the
// memory that is there.
TrainedModel open_trained_model(const std::filesystem::path& folder, at::ScalarType compute);
// The same of a folder that is open, for whom its shape says the type.
TrainedModel open_trained_model(const HfFolder& folder, at::ScalarType compute);

}  // namespace llmtrain
