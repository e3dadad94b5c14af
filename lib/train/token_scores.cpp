#include "lib/train/token_scores.h"

#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/error.h"
#include "lib/ops/linear_logprobs.h"

namespace llmtrain {
namespace {

// Runs laid end to end.
struct RunBatch {
  std::vector<TokenRun> runs;
  std::vector<std::int32_t> tokens;
  std::vector<std::int32_t> positions;
  std::vector<std::int32_t> targets;
  std::vector<float> asked;  // 1 where a target is asked for, else 0
  std::vector<std::int32_t> bounds = {0};

  void add(TokenRun run) {
    const std::size_t inputs = run.ids.size() - 1;
    for (std::size_t i = 0; i < inputs; ++i) {
      tokens.push_back(run.ids[i]);
      positions.push_back(static_cast<std::int32_t>(i));
      targets.push_back(run.ids[i + 1]);
      asked.push_back(i + 1 >= run.first ? 1.0F : 0.0F);
    }
    bounds.push_back(static_cast<std::int32_t>(tokens.size()));
    runs.push_back(std::move(run));
  }
};

void check(const TokenRun& run, const ModelShape& shape) {
  const auto inputs = static_cast<std::int64_t>(run.ids.size()) - 1;
  ENSURE(inputs >= 1 && inputs <= shape.context, inputs, shape.context);
  ENSURE(run.first >= 1 && run.first < run.ids.size(), run.first, run.ids.size());
  for (const auto id : run.ids) ENSURE(id >= 0 && id < shape.vocab, id, shape.vocab);
}

void score(const Decoder& decoder, const RunBatch& batch, const ScoreRuns& runs) {
  const auto hidden = decoder.hidden({.tokens = at::tensor(batch.tokens, at::kInt),
                                      .positions = at::tensor(batch.positions, at::kInt),
                                      .documents = batch.bounds});
  const auto type = hidden.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto entropy = linear_cross_entropy(hidden, decoder.head(), at::tensor(batch.targets, at::kInt),
                                            at::tensor(batch.asked, at::kFloat).to(type));
  const auto logprobs = entropy.logprobs.to(at::kFloat).contiguous();
  const auto* values = logprobs.const_data_ptr<float>();
  for (std::size_t i = 0; i < batch.runs.size(); ++i) {
    const auto& run = batch.runs[i];
    runs.scored(run, {values + batch.bounds[i] + run.first - 1, run.ids.size() - run.first});
  }
}

}  // namespace

void score_runs(const Decoder& decoder, const ScoreRuns& runs) {
  const at::NoGradGuard no_grad;
  auto run = runs.next();
  while (run) {
    RunBatch batch;
    do {
      check(*run, decoder.shape());
      batch.add(std::move(*run));
      run = runs.next();
    } while (run && static_cast<std::int64_t>(batch.tokens.size() + run->ids.size()) - 1 <= runs.batch_tokens);
    if (runs.stop()) throw stopped_error("stopped while evaluating");
    score(decoder, batch, runs);
  }
}

}  // namespace llmtrain
