#pragma once
#include "lib/interop/hf_folder.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// Fills the master weights from a model folder of the store's shape and makes the compute weights. What the folder
// holds in another type is rounded to the nearest, ties to even. Several tensors are read at once, each by way of an
// fp32 copy of its own where the masters are not fp32. Throws input_error (3) where the files cannot be read any more,
// stopped_error (75).
void load_weights(WeightStore& store, const HfFolder& folder);

}  // namespace llmtrain
