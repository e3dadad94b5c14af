#pragma once
#include <cstdint>
#include <filesystem>

#include "lib/params/weight_store.h"
#include "lib/train/batch.h"
#include "lib/train/step.h"

namespace llmtrain {

// Writes what is needed to look into an update that was not applied to <stage>/bad_updates/step-N.json: position, loss,
// gradient norm, each parameter whose gradient is not finite with its first such element, and the batch's token ids.
// Gives the path. Throws storage_error.
std::filesystem::path dump_bad_update(const std::filesystem::path& stage, std::int64_t step, const Batch& batch,
                                      const StepGradients& gradients, const WeightStore& store);

}  // namespace llmtrain
