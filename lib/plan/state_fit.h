#pragma once
#include <cstdint>
#include <string>

#include "lib/arch/model_shape.h"
#include "lib/config/optim_config.h"
#include "lib/config/pipeline.h"
#include "lib/config/run_config.h"

namespace llmtrain {

// The most main memory that this process can have, whatever else runs.
struct MemoryLimit {
  std::uint64_t bytes = 0;
  std::string source;  // "main memory", or what else sets it
};

// The machine's memory or its control group's (host_memory.h), or the limit on this process's address space.
MemoryLimit memory_limit();

// What weights, gradients and moments take at least, at the precision that takes least where it is not settled. Muon
// keeps one moment of what it steps, AdamW two.
std::uint64_t least_state_bytes(const ModelShape& shape, Precision precision, OptimizerName optimizer);

// Throws Error (8), with the bytes needed and there and what to do, where the state can never fit. pipeline: with its
// pretrain section; source: the file's name.
void check_state_fits(const Pipeline& pipeline, const ModelShape& shape, const std::string& source,
                      const MemoryLimit& limit);

}  // namespace llmtrain
