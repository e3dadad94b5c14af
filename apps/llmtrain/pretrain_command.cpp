#include <memory>

#include "apps/llmtrain/become_engine.h"
#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/engine_environment.h"
#include "apps/llmtrain/train_options.h"
#include "lib/plan/pipeline_model.h"
#include "lib/plan/state_fit.h"

namespace llmtrain {
namespace {

// Names what is wrong as far as it can be said without LibTorch, then hands over.
ExitCode start_pretrain(const TrainOptions& options) {
  const auto& path = options.pipeline.path;
  const auto pipeline = load_pretrain_pipeline(path, options.pipeline.overrides);
  check_resume_option(options.resume);
  const auto shape = least_model(pipeline, path);
  const auto& run = pipeline.config.run;
  check_state_fits(pipeline, shape, path, memory_limit());
  set_engine_variables(run.threads);
  auto arguments = to_arguments(options);
  arguments.insert(arguments.begin(), "pretrain");
  become_engine(arguments);
}

}  // namespace

void add_pretrain_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("pretrain", "Train a model on text, from nothing or on from where it stopped");
  auto options = std::make_shared<TrainOptions>();
  add_train_options(*command, *options);
  command->callback([options, &action] { action = [options] { return start_pretrain(*options); }; });
}

}  // namespace llmtrain
