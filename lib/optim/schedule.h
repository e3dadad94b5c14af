#pragma once
#include <cstdint>

#include "lib/config/optim_config.h"

namespace llmtrain {

// The share of the peak learning rate with which step `step` of `total_steps` is taken; steps count from 0. Warm-up
// rises evenly, (step + 1) / (warmup_steps + 1), so that no step is lost and the peak follows it (nanoGPT). After it,
// with p = (step - w) / (total_steps - w) and w the warm-up's steps:
//   cosine    final + (1 - final) (1 + cos(pi p)) / 2   (arXiv 1608.03983)
//   linear    1 - (1 - final) p
//   constant  1
//   wsd       1, then linear to final over the last decay_fraction of total_steps (arXiv 2404.06395)
// Beyond total_steps the last value holds. Only constant may have total_steps 0 (unknown).
double schedule_multiplier(const ScheduleConfig& config, std::int64_t step, std::int64_t total_steps);

}  // namespace llmtrain
