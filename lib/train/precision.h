#pragma once
#include "lib/arch/model_shape.h"
#include "lib/config/run_config.h"
#include "lib/params/weight_store.h"

namespace llmtrain {

// fp32 or bf16: what was asked for, or with auto bf16 where the processor multiplies bf16 (AVX512_BF16 or AMX) and the
// model is at least kBf16Width wide, the narrowest of which it was measured that it gains (scripts/bench/RESULTS.md,
// Training). bf16 on a processor without it is computed, slowly.
inline constexpr std::int64_t kBf16Width = 128;
Precision choose_precision(Precision wanted, const ModelShape& shape);

// fp32: everything fp32. bf16: bf16 weights to compute with, fp32 master weights, and gradients in bf16 where one
// micro-batch makes the step, else added up in fp32.
StoreTypes store_types(Precision precision, bool one_micro_batch);

}  // namespace llmtrain
