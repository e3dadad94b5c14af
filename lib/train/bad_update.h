#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "lib/params/weight_store.h"
#include "lib/train/batch.h"
#include "lib/train/step.h"

namespace llmtrain {

// How many bad updates can be looked at: a run that skips outliers for days must not fill the disk with them. It holds
// the longest row of skipped steps that guard.max_outliers allows unless told otherwise, and the ones before.
inline constexpr std::size_t kKeptBadUpdates = 20;

// Writes what is needed to look into an update that was not applied to <stage>/bad_updates/step-N.json: position, loss,
// gradient norm, each parameter whose gradient is not finite with its first such element, and the batch's token ids.
// Of these files those of the highest steps stay, kKeptBadUpdates of them with this one. Gives the path. Throws
// storage_error.
std::filesystem::path dump_bad_update(const std::filesystem::path& stage, std::int64_t step, const Batch& batch,
                                      const StepGradients& gradients, const WeightStore& store);

}  // namespace llmtrain
