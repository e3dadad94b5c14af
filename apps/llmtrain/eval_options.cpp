#include "apps/llmtrain/eval_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace llmtrain {

CLI::App* add_eval_options(CLI::App& app, EvalOptions& options) {
  CLI::App* command = app.add_subcommand("eval", "Measure a model: perplexity, multiple choice, exact match");
  command
      ->add_option("pipeline", options.source.pipeline,
                   "Pipeline file (YAML): its eval section says what is measured, its last finished stage gives the "
                   "model; not needed with --model and --task")
      ->type_name("FILE");
  command->add_option("--set", options.source.overrides, "Override a key: --set eval.held_out=false")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--model", options.model, "The folder of a model, a stage or a run")->type_name("DIR");
  command
      ->add_option("--task", options.source.tasks,
                   "Measure this in place of the pipeline's tasks: perplexity, multiple_choice or exact_match of a "
                   "file; may be repeated")
      ->type_name("KIND=FILE")
      ->allow_extra_args(false);
  add_shared_options(*command, options.shared);
  command->add_flag("--json", options.json, "Print one JSON object in place of the table");
  command->add_option("--output", options.output, "Write that JSON object to a file as well")->type_name("FILE");
  return command;
}

std::vector<std::string> to_arguments(const EvalOptions& options) {
  std::vector<std::string> arguments;
  // With "=" in one word, so that a value that begins with a hyphen stays a value.
  for (const auto& text : options.source.overrides) arguments.push_back("--set=" + text);
  for (const auto& text : options.source.tasks) arguments.push_back("--task=" + text);
  if (!options.model.empty()) arguments.push_back("--model=" + options.model);
  if (options.shared.quiet) arguments.emplace_back("--quiet");
  arguments.push_back("--progress=" + options.shared.progress);
  if (options.json) arguments.emplace_back("--json");
  if (!options.output.empty()) arguments.push_back("--output=" + options.output);
  if (!options.source.pipeline.empty()) arguments.insert(arguments.end(), {"--", options.source.pipeline});
  return arguments;
}

Pipeline load_checked_pipeline(const EvalOptions& options) {
  if (options.source.pipeline.empty() && options.model.empty()) {
    throw config_error("no model is named, expected a pipeline file or --model DIR; try 'llmtrain eval --help'");
  }
  return load_eval_pipeline(options.source);
}

}  // namespace llmtrain
