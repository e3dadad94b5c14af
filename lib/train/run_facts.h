#pragma once
#include <cstdint>
#include <string>

#include "lib/train/progress_state.h"

namespace llmtrain {

// What a run is: what a later start must find unchanged, and what was chosen automatically and is used again.
struct RunFacts {
  std::string config;            // the resolved pipeline file
  std::string data_fingerprint;  // PreparedCorpus::fingerprint
  std::string tokenizer_hash;    // Tokenizer::hash()
  std::int64_t vocab = 0;
  std::int64_t micro_rows = 0;
  std::int64_t threads = 0;
  std::string precision;  // "fp32", "bf16"
  std::string kernels;    // instruction set, GEMM choice
  std::string libtorch;   // version
  std::string llmtrain;   // version
};

// The facts of a checkpoint: those of the run, as JSON, and with the progress made.
std::string to_json(const RunFacts& facts);
std::string with_progress(const std::string& run_facts, const ProgressState& progress);

struct CheckpointFacts {
  RunFacts run;
  ProgressState progress;
};
// Throws resume_error (6) naming `source`, and the key, for what does not read.
CheckpointFacts facts_from_json(const std::string& json, const std::string& source);

}  // namespace llmtrain
