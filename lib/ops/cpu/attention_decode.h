#pragma once
#include "lib/ops/cpu/attention_kernels.h"

namespace llmtrain {

// A few queries of one key head against a cache: keys and values are read where they lie, nothing is packed, so one
// query costs little more than reading them. Same arguments as AttentionKernel::forward (log_sum is not written);
// `scratch` has decode_scratch() elements.
std::int64_t decode_scratch(const AttentionSizes& sizes, const AttentionTask& task);

template <class T>
void decode_task(const AttentionSizes& sizes, const AttentionTask& task, const AttentionForward<T>& arrays,
                 Compute<T>* scratch);

}  // namespace llmtrain
