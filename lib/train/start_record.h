#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/log.h"
#include "lib/train/run_facts.h"

namespace llmtrain {

// What one start of a stage ran on and with.
struct StartRecord {
  double time = 0;                   // seconds since 1970
  std::vector<std::string> command;  // its words; secrets are hidden when it is written (lib/base/secrets.h)
  std::int64_t after_step = 0;       // that it goes on from; 0 begins
  std::string processor;
  std::uint64_t memory_bytes = 0;  // of the machine
};

// Appends the start to <stage>/env.json, {"starts": [...]}, the newest last, with the versions, threads, precision and
// instruction set of the facts. The environment's variables are no part of it. A file that does not read is begun anew
// with a warning. Throws storage_error (5).
void append_start(const std::filesystem::path& stage, const StartRecord& start, const RunFacts& facts, const Log& log);

}  // namespace llmtrain
