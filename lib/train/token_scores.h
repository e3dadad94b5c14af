#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "lib/data/text_windows.h"
#include "lib/model/decoder.h"

namespace llmtrain {

// What goes in and comes out of score_runs.
struct ScoreRuns {
  std::function<std::optional<TokenRun>()> next;  // nothing at the end; positions go from 0 in each
  // Told of every run, in order: log-probabilities, in nats, of its ids from run.first on.
  std::function<void(const TokenRun& run, std::span<const float> logprobs)> scored;
  std::function<bool()> stop;  // asked between forwards; true ends with stopped_error (75)
  std::int64_t batch_tokens = 4096;
};

// How likely a model finds the ids of runs. Runs are laid end to end, as many as batch_tokens holds, one at least; none
// sees another. The log-probabilities of what is asked for alone are computed, a chunk at a time. No gradients. Ids are
// below the vocabulary, runs no longer than the context and one more (ENSURE).
void score_runs(const Decoder& decoder, const ScoreRuns& runs);

}  // namespace llmtrain
