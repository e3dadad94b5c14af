#include "lib/recipes/eval.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/data/corpus.h"
#include "lib/interop/hf_folder.h"
#include "lib/interop/model_hash.h"
#include "lib/metrics/wall_clock.h"
#include "lib/ops/runtime.h"
#include "lib/plan/stage_model.h"
#include "lib/recipes/eval_choices.h"
#include "lib/recipes/eval_matches.h"
#include "lib/recipes/eval_perplexity.h"
#include "lib/recipes/pretrain_parts.h"
#include "lib/train/precision.h"

namespace llmtrain {
namespace {

bool holds_out(const PipelineConfig& config) {
  if (!config.pretrain) return false;
  const auto& validation = config.pretrain->data.validation;
  return validation.fraction.value_or(0) > 0 || !validation.data.empty();
}

// What there is to do: the questions of every task, read.
struct EvalWork {
  EvalConfig config;
  std::vector<std::vector<ChoiceQuestion>> choices;  // of each multiple-choice task
  std::vector<std::vector<MatchQuestion>> matches;   // of each exact-match task
};

EvalWork read_work(const PipelineConfig& pipeline, const std::string& source) {
  EvalWork work;
  work.config = pipeline.eval.value_or(EvalConfig{});
  auto& config = work.config;
  config.held_out = config.held_out && holds_out(pipeline);
  if (!config.held_out && config.perplexity.empty() && config.multiple_choice.empty() && config.exact_match.empty()) {
    throw config_error(
        "{}: nothing to evaluate: no tasks in the eval section, and nothing is held out; try --task "
        "multiple_choice=FILE",
        source);
  }
  for (const auto& task : config.multiple_choice) work.choices.push_back(read_choice_questions(task));
  for (const auto& task : config.exact_match) work.matches.push_back(read_match_questions(task));
  return work;
}

// The pipeline's held-out rows, made with the model's own tokenizer, and the loss as training measures it.
TaskReport evaluate_held_out(const EvalSubject& subject, const PipelineConfig& config,
                             const std::filesystem::path& folder) {
  const auto& stage = *config.pretrain;
  const auto& shape = subject.model.shape;
  if (stage.sequence_length > shape.context) {
    throw config_error(
        "pretrain.sequence_length: held-out rows have {} tokens, expected at most the {} that {} is made for; try "
        "--set eval.held_out=false",
        stage.sequence_length, shape.context, folder.string());
  }
  PretrainInputs inputs{.config = config,
                        .tokenizer = Tokenizer::load(folder),
                        .corpus = {},
                        .shape = shape,
                        .batch_rows = stage.batch_tokens / stage.sequence_length,
                        .total_steps = 0};
  PrepareOptions prepare;
  prepare.threads = static_cast<int>(config.run.threads.value);
  prepare.progress = subject.request.progress;
  inputs.corpus = prepare_corpus(stage, inputs.tokenizer, prepare, subject.request.log);
  const auto rows = std::max<std::int64_t>(1, subject.batch_tokens / stage.sequence_length);
  const auto measured = held_out_loss(inputs, *subject.model.decoder, rows, subject.request.progress)();
  TaskReport report{.name = "held-out", .kind = "held_out", .path = "", .metrics = {}, .facts = {}};
  report.metrics = {{"loss", measured.loss, {}}, {"perplexity", measured.perplexity, {}}};
  if (measured.bytes > 0) report.metrics.push_back({"bits_per_byte", measured.bits_per_byte, {}});
  report.facts = {{"tokens", measured.tokens}, {"bytes", measured.bytes}};
  return report;
}

std::vector<TaskReport> evaluate_all(const EvalSubject& subject, const EvalWork& work, const PipelineConfig& pipeline,
                                     const std::filesystem::path& folder) {
  const auto& config = work.config;
  std::vector<TaskReport> reports;
  if (config.held_out) reports.push_back(evaluate_held_out(subject, pipeline, folder));
  for (const auto& task : config.perplexity) reports.push_back(evaluate_perplexity(subject, task));
  for (std::size_t i = 0; i < work.choices.size(); ++i) {
    reports.push_back(evaluate_choices(subject, config.multiple_choice[i], work.choices[i]));
  }
  for (std::size_t i = 0; i < work.matches.size(); ++i) {
    reports.push_back(evaluate_matches(subject, config.exact_match[i], work.matches[i]));
  }
  return reports;
}

}  // namespace

EvalReport run_eval(const Pipeline& pipeline, const std::string& source, const EvalRequest& request) {
  const auto& run = pipeline.config.run;
  EvalReport report;
  report.time = unix_seconds();
  const auto work = read_work(pipeline.config, source);
  report.model = request.model.empty() ? last_stage_model(run, source) : named_model(request.model);
  start_runtime({.threads = static_cast<int>(run.threads.value)});
  const HfFolder files(report.model);
  const auto precision = choose_precision(run.precision, files.shape());
  report.precision = enum_name(precision);
  report.parameters = count_parameters(files.shape()).total();
  report.model_sha256 = model_hash(report.model);
  const auto model = open_trained_model(files, precision == Precision::kBf16 ? at::kBFloat16 : at::kFloat);
  request.log.info("evaluating {}", report.model.string());
  const EvalSubject subject{.model = model, .request = request, .batch_tokens = work.config.batch_tokens};
  report.tasks = evaluate_all(subject, work, pipeline.config, report.model);
  return report;
}

}  // namespace llmtrain
