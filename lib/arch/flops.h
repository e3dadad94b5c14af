#pragma once
#include <cstdint>

#include "lib/arch/model_shape.h"

namespace llmtrain {

// Floating-point operations, a multiplication and an addition counted as two. Attention is counted as if every token
// saw all `sequence` positions (or all of its sliding window), as the literature does; a causal kernel that skips the
// upper triangle does half of that part.

// One token through the matrix products of the model: 2 M + 4 L C S, with M the elements of all matrices that products
// read (the head also when it is tied; no table that is only looked up), L layers, C = heads * head_dim, S tokens seen.
double forward_flops_per_token(const ModelShape& shape, std::int64_t sequence);

// What training on one token costs by the definition behind model FLOPs utilisation (MFU): 6 N + 12 L C S (PaLM, arXiv
// 2204.02311, appendix B), with N the parameters less the tables that are only looked up. Forward once, backward twice;
// recomputed activations do not count.
double training_flops_per_token(const ModelShape& shape, std::int64_t sequence);

}  // namespace llmtrain
