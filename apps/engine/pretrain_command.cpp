#include <memory>

#include "apps/engine/engine_commands.h"
#include "apps/llmtrain/train_options.h"
#include "lib/plan/pipeline_model.h"
#include "lib/recipes/pretrain.h"

namespace llmtrain {

void add_pretrain_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("pretrain", "Train a model on text, from nothing or on from where it stopped");
  auto options = std::make_shared<TrainOptions>();
  add_train_options(*command, *options);
  command->callback([options, &action] {
    action = [options] {
      const auto& path = options->pipeline.path;
      const auto pipeline = load_pretrain_pipeline(path, options->pipeline.overrides);
      check_resume_option(options->resume);
      auto command_line = to_arguments(*options);
      command_line.insert(command_line.begin(), {"llmtrain", "pretrain"});
      return run_pretrain(pipeline, path,
                          {.resume = options->resume,
                           .dry_run = options->dry_run,
                           .accept_data_change = options->accept_data_change,
                           .accept_non_finite = options->accept_non_finite,
                           .log_format = options->log_format,
                           .quiet = options->shared.quiet,
                           .progress = options->shared.progress_mode(),
                           .command = std::move(command_line)});
    };
  });
}

}  // namespace llmtrain
