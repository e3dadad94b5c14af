#pragma once
#include <cstdint>
#include <filesystem>

#include "lib/config/pretrain_config.h"
#include "lib/train/loop.h"
#include "lib/train/progress_state.h"

namespace llmtrain {

// <stage>/result.json says how a stage ended: for people, for programs, and for the next start, which finds it done.

// Why a finished run ended: "all steps taken".
const char* end_reason(const LoopSettings& settings, const ProgressState& progress);

// model_step: the step whose weights the stage's model has. Throws storage_error (5).
void write_result(const LoopSettings& settings, const ProgressState& progress, ResultKind kind,
                  std::int64_t model_step);

// Whether the result is that of this progress, of this kind, and nothing is left to do after it under these settings.
bool is_done(const LoopSettings& settings, ProgressState progress, ResultKind kind);

}  // namespace llmtrain
