#include <memory>
#include <optional>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/model_report.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/arch/flops.h"
#include "lib/arch/parameter_table.h"
#include "lib/base/text.h"
#include "lib/plan/pipeline_model.h"

namespace llmtrain {
namespace {

// Compute-optimal training takes about this many tokens a parameter: Chinchilla has 70 billion parameters and saw 1.4
// trillion tokens (Hoffmann et al. 2022, arXiv 2203.15556).
constexpr double kChinchillaTokensPerParameter = 20;

// What the pretraining stage will do, as far as arithmetic says it.
struct PretrainPlan {
  PipelineModel model;
  PretrainConfig stage;
  std::int64_t parameters = 0;
  double flops_per_token = 0;
  std::optional<std::int64_t> steps;  // nothing where the data or the clock decide

  std::optional<double> tokens() const {
    if (!steps) return std::nullopt;
    return static_cast<double>(*steps) * static_cast<double>(stage.batch_tokens);
  }
};

PretrainPlan plan_pretrain(const PipelineOptions& options) {
  const auto pipeline = load_pipeline(options.path, options.overrides);
  if (!pipeline.config.pretrain) {
    throw config_error("{}: no stage to plan; add a 'pretrain' section", options.path);
  }
  PretrainPlan plan;
  plan.model = resolve_pipeline_model(pipeline, options.path);
  plan.stage = *pipeline.config.pretrain;
  plan.parameters = count_parameters(plan.model.shape).total();
  plan.flops_per_token = training_flops_per_token(plan.model.shape, plan.stage.sequence_length);
  plan.steps = fixed_steps(plan.stage);
  return plan;
}

std::string grouped(std::int64_t number) { return with_thousands(static_cast<std::uint64_t>(number)); }

std::string length_text(const PretrainPlan& plan) {
  const auto& stage = plan.stage;
  std::string text;
  if (plan.steps) {
    text = grouped(*plan.steps);
    if (stage.tokens) text += fmt::format(", the fewest that reach {} tokens", grouped(*stage.tokens));
  } else if (stage.epochs) {
    text = fmt::format(
        "what {} passes over the data take; `llmtrain data prepare` tokenizes it, `llmtrain data stats` "
        "counts it",
        *stage.epochs);
  } else {
    return fmt::format("what {} allow", human_seconds(stage.max_time->seconds));
  }
  if (stage.max_time) text += fmt::format("; fewer if {} are up before", human_seconds(stage.max_time->seconds));
  return text;
}

std::vector<Row> length_rows(const PretrainPlan& plan) {
  const auto& stage = plan.stage;
  std::vector<Row> rows = {{"tokens a step", fmt::format("{} ({} rows of {})", grouped(stage.batch_tokens),
                                                         grouped(stage.batch_tokens / stage.sequence_length),
                                                         grouped(stage.sequence_length))},
                           {"steps", length_text(plan)}};
  if (const auto tokens = plan.tokens()) {
    rows.push_back({"tokens", fmt::format("{} ({:.3g} a parameter; compute-optimal is about {:g}, arXiv 2203.15556)",
                                          human_count(*tokens), *tokens / static_cast<double>(plan.parameters),
                                          kChinchillaTokensPerParameter)});
    rows.push_back({"training FLOPs", fmt::format("{:.3g} ({} a token)", *tokens * plan.flops_per_token,
                                                  human_count(plan.flops_per_token))});
  } else {
    rows.push_back({"training FLOPs", fmt::format("{} a token", human_count(plan.flops_per_token))});
  }
  return rows;
}

std::string plan_text(const PretrainPlan& plan, const std::string& path) {
  const auto& shape = plan.model.shape;
  std::vector<Row> rows = {{"parameters", fmt::format("{} ({})", grouped(plan.parameters),
                                                      human_count(static_cast<double>(plan.parameters)))},
                           {"vocabulary", fmt::format("{} ({})", grouped(shape.vocab), plan.model.vocab_source)}};
  for (auto& row : length_rows(plan)) rows.push_back(std::move(row));
  return fmt::format("{}: pretrain\n\n{}\n{}\nactivations come on top; they grow with the micro-batch\n",
                     printable(path), aligned(rows, Columns::kText),
                     aligned(state_rows(plan.parameters), Columns::kNumbers));
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json plan_json(const PretrainPlan& plan) {
  const auto tokens = plan.tokens();
  std::optional<double> ratio;
  std::optional<double> flops;
  if (tokens) {
    ratio = *tokens / static_cast<double>(plan.parameters);
    flops = *tokens * plan.flops_per_token;
  }
  auto model = shape_json(plan.model.shape);
  model["vocab_source"] = plan.model.vocab_source;
  std::optional<double> max_seconds;
  if (plan.stage.max_time) max_seconds = plan.stage.max_time->seconds;
  return {{"stage", "pretrain"},
          {"model", model},
          {"parameters", plan.parameters},
          {"sequence_length", plan.stage.sequence_length},
          {"batch_tokens", plan.stage.batch_tokens},
          {"steps", or_null(plan.steps)},
          {"epochs", or_null(plan.stage.epochs)},
          {"max_seconds", or_null(max_seconds)},
          {"tokens", or_null(tokens)},
          {"tokens_per_parameter", or_null(ratio)},
          {"compute_optimal_tokens_per_parameter", kChinchillaTokensPerParameter},
          {"training_flops_per_token", plan.flops_per_token},
          {"training_flops", or_null(flops)},
          {"state_bytes", state_json(plan.parameters)}};
}

}  // namespace

void add_plan_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("plan", "Say what a pipeline file will take: steps, tokens, FLOPs, memory");
  auto options = std::make_shared<PipelineOptions>();
  auto as_json = std::make_shared<bool>(false);
  add_pipeline_options(*command, *options);
  command->add_flag("--json", *as_json, "Print JSON");
  command->callback([options, as_json, &action] {
    action = [options, as_json] {
      const auto plan = plan_pretrain(*options);
      const std::string text = *as_json ? plan_json(plan).dump(2) + "\n" : plan_text(plan, options->path);
      write_stdout(text);
      return ExitCode::kDone;
    };
  });
}

}  // namespace llmtrain
