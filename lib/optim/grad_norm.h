#pragma once
#include "lib/params/weight_store.h"

namespace llmtrain {

// The L2 norm of all gradients together. Summed in double over blocks of fixed size in a fixed order, so it does not
// depend on threads; not finite if and only if some gradient is not.
double grad_norm(const WeightStore& store);

// What gradients are multiplied by so that their norm is at most `limit` (0: no limit): min(1, limit / (norm + 1e-6)),
// as torch.nn.utils.clip_grad_norm_ does.
double clip_scale(double norm, double limit);

}  // namespace llmtrain
