#include <memory>

#include "apps/llmtrain/become_engine.h"
#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/engine_environment.h"
#include "apps/llmtrain/eval_options.h"
#include "lib/plan/stage_model.h"

namespace llmtrain {
namespace {

// Says what is wrong as far as it can be said without LibTorch, then hands over.
ExitCode start_eval(const EvalOptions& options) {
  const auto run = load_checked_pipeline(options).config.run;
  if (options.model.empty()) {
    last_stage_model(run, options.source.pipeline);
  } else {
    named_model(options.model);
  }
  set_engine_variables(run.threads);
  auto arguments = to_arguments(options);
  arguments.insert(arguments.begin(), "eval");
  become_engine(arguments);
}

}  // namespace

void add_eval_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = add_eval_options(app, *options);
  command->callback([options, &action] { action = [options] { return start_eval(*options); }; });
}

}  // namespace llmtrain
