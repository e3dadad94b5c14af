#pragma once
#include <cstdint>
#include <optional>

#include "lib/config/checkpoint_config.h"
#include "lib/config/data_config.h"
#include "lib/config/evaluation_config.h"
#include "lib/config/fields.h"
#include "lib/config/guard_config.h"
#include "lib/config/optim_config.h"
#include "lib/config/samples_config.h"
#include "lib/config/units.h"

namespace llmtrain {

enum class ResultKind { kLast, kBest };
template <>
struct EnumTable<ResultKind> {
  static constexpr std::array<std::pair<ResultKind, std::string_view>, 2> names = {
      {{ResultKind::kLast, "last"}, {ResultKind::kBest, "best"}}};
};

struct PretrainConfig {
  CorpusConfig data;
  std::int64_t sequence_length = 1024;
  std::int64_t batch_tokens = 65536;
  AutoCount micro_batch;
  bool recompute = false;
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> tokens;
  std::optional<double> epochs;
  std::optional<Duration> max_time;
  double label_smoothing = 0;
  double z_loss = 0;
  OptimConfig optim;
  GuardConfig guard;
  EvaluationConfig evaluation;
  CheckpointConfig checkpoint;
  SamplesConfig samples;
  std::int64_t log_every_steps = 10;
  ResultKind result = ResultKind::kLast;
};

template <class Visitor>
void fields(PretrainConfig& c, Visitor&& visit) {
  visit("data", c.data, "What to train and to validate on.");
  visit("sequence_length", c.sequence_length, "Tokens a row.", at_least(2));
  visit("batch_tokens", c.batch_tokens, "Tokens an optimizer step; a multiple of sequence_length.", positive);
  visit("micro_batch", c.micro_batch, "Rows that go through the model at once; auto: what fits into memory.",
        may_change());
  visit("recompute", c.recompute, "Activations are computed again in the backward pass, block by block: less memory.",
        may_change());
  visit("steps", c.steps, "How long: optimizer steps.", positive);
  visit("tokens", c.tokens, "How long: tokens in all.", positive);
  visit("epochs", c.epochs, "How long: passes over the data.", positive);
  visit("max_time", c.max_time, "Training ends after this much time, or before if its length is reached.",
        may_change(positive));
  visit("label_smoothing", c.label_smoothing, "Share of each target that is spread over the vocabulary.", below_one);
  visit("z_loss", c.z_loss, "Weight of the squared log-partition in the loss.", non_negative);
  visit("optim", c.optim, "Optimizer.");
  visit("guard", c.guard, "What is done with steps that would harm the weights.", may_change());
  visit("evaluation", c.evaluation, "When the held-out loss is measured.", may_change());
  visit("checkpoint", c.checkpoint, "When state is saved and how much of it stays.", may_change());
  visit("samples", c.samples, "Texts generated while training.", may_change());
  visit("log_every_steps", c.log_every_steps, "Steps between two lines of progress.", may_change(positive));
  visit("result", c.result,
        "The weights that become the stage's model: the last, or those of the lowest held-out loss.", may_change());
}

inline void check(const PretrainConfig& c, Contradictions& out) {
  const int lengths = int{c.steps.has_value()} + int{c.tokens.has_value()} + int{c.epochs.has_value()};
  if (lengths > 1) out.add("", "'steps', 'tokens' and 'epochs' exclude each other; keep one");
  if (lengths == 0 && !c.max_time) out.add("", "no end is given; add 'steps', 'tokens', 'epochs' or 'max_time'");
  if (lengths == 0 && c.max_time && c.optim.schedule.name != ScheduleName::kConstant) {
    out.add("optim.schedule.name", "'" + std::string(enum_name(c.optim.schedule.name)) +
                                       "' needs to know the number of steps; give 'steps', 'tokens' or 'epochs' beside "
                                       "'max_time', or take 'constant'");
  }
  if (c.steps && c.optim.schedule.warmup_steps > *c.steps) {
    out.add("optim.schedule.warmup_steps", "longer than the run: got " + std::to_string(c.optim.schedule.warmup_steps) +
                                               " of " + std::to_string(*c.steps) + " steps");
  }
  const std::int64_t rows = c.batch_tokens / c.sequence_length;
  if (c.batch_tokens % c.sequence_length != 0) {
    out.add("batch_tokens", "not a multiple of sequence_length: got " + std::to_string(c.batch_tokens) + " and " +
                                std::to_string(c.sequence_length));
  } else if (c.micro_batch.value > rows) {
    out.add("micro_batch", "larger than the batch: got " + std::to_string(c.micro_batch.value) + " of " +
                               std::to_string(rows) + " rows (batch_tokens / sequence_length)");
  }
  const auto& held_out = c.data.validation;
  const bool validates = held_out.fraction.value_or(0) > 0 || !held_out.data.empty();
  constexpr const char* kNoValidation = "nothing is held out; add 'data.validation'";
  if (c.evaluation.patience && !validates) out.add("evaluation.patience", kNoValidation);
  if (c.result == ResultKind::kBest && !validates) out.add("result", kNoValidation);
  if (c.result == ResultKind::kBest && !c.checkpoint.keep_best) {
    out.add("result", "best is not kept; set 'checkpoint.keep_best' to true");
  }
}

// Optimizer steps where the section alone says them: `steps`, or the fewest that reach `tokens`. Nothing where the data
// or the clock decide.
inline std::optional<std::int64_t> fixed_steps(const PretrainConfig& c) {
  if (c.tokens) return *c.tokens / c.batch_tokens + (*c.tokens % c.batch_tokens != 0 ? 1 : 0);
  return c.steps;
}

}  // namespace llmtrain
