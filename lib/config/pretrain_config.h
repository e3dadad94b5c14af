#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/data_config.h"
#include "lib/config/fields.h"
#include "lib/config/optim_config.h"
#include "lib/config/units.h"

namespace llmtrain {

struct CheckpointConfig {
  std::int64_t every_steps = 1000;
  std::int64_t keep = 2;
};

template <class Visitor>
void fields(CheckpointConfig& c, Visitor&& visit) {
  visit("every_steps", c.every_steps, "Steps between two saves.", positive);
  visit("keep", c.keep, "Newest checkpoints that stay.", at_least(2));
}

struct PretrainConfig {
  CorpusConfig data;
  std::int64_t sequence_length = 1024;
  std::int64_t batch_tokens = 65536;
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> tokens;
  std::optional<double> epochs;
  std::optional<Duration> max_time;
  OptimConfig optim;
  CheckpointConfig checkpoint;
};

template <class Visitor>
void fields(PretrainConfig& c, Visitor&& visit) {
  visit("data", c.data, "What to train and to validate on.");
  visit("sequence_length", c.sequence_length, "Tokens a row.", at_least(2));
  visit("batch_tokens", c.batch_tokens, "Tokens an optimizer step; a multiple of sequence_length.", positive);
  visit("steps", c.steps, "How long: optimizer steps.", positive);
  visit("tokens", c.tokens, "How long: tokens in all.", positive);
  visit("epochs", c.epochs, "How long: passes over the data.", positive);
  visit("max_time", c.max_time, "Stops in time and saves.", positive);
  visit("optim", c.optim, "Optimizer.");
  visit("checkpoint", c.checkpoint, "When state is saved and how much of it stays.");
}

inline void check(const PretrainConfig& c, Contradictions& out) {
  const int lengths = int{c.steps.has_value()} + int{c.tokens.has_value()} + int{c.epochs.has_value()};
  if (lengths > 1) out.add("", "'steps', 'tokens' and 'epochs' exclude each other; keep one");
  if (lengths == 0 && !c.max_time) out.add("", "no end is given; add 'steps', 'tokens', 'epochs' or 'max_time'");
  if (c.steps && c.optim.schedule.warmup_steps > *c.steps) {
    out.add("optim.schedule.warmup_steps", "longer than the run: got " + std::to_string(c.optim.schedule.warmup_steps) +
                                               " of " + std::to_string(*c.steps) + " steps");
  }
  if (c.batch_tokens % c.sequence_length != 0) {
    out.add("batch_tokens", "not a multiple of sequence_length: got " + std::to_string(c.batch_tokens) + " and " +
                                std::to_string(c.sequence_length));
  }
}

// Optimizer steps where the section alone says them: `steps`, or the fewest that reach `tokens`. Nothing where the data
// or the clock decide.
inline std::optional<std::int64_t> fixed_steps(const PretrainConfig& c) {
  if (c.tokens) return *c.tokens / c.batch_tokens + (*c.tokens % c.batch_tokens != 0 ? 1 : 0);
  return c.steps;
}

}  // namespace llmtrain
