#include <filesystem>
#include <memory>

#include "apps/llmtrain/become_engine.h"
#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/engine_environment.h"
#include "apps/llmtrain/generate_options.h"
#include "lib/base/file.h"
#include "lib/plan/pipeline_model.h"
#include "lib/plan/stage_model.h"

namespace llmtrain {
namespace {

// Says what is wrong as far as it can be said without LibTorch, then hands over.
ExitCode start_generate(const GenerateCommand& options) {
  check_generate_options(options);
  RunConfig run;
  if (!options.pipeline.empty()) run = load_whole_pipeline(options.pipeline, options.overrides).config.run;
  if (options.model.empty()) {
    last_stage_model(run, options.pipeline);
  } else {
    named_model(options.model);
  }
  for (const auto& file : {options.prompt_file, options.prompts_file}) {
    if (!file.empty() && file != "-") InputFile{file};
  }
  set_engine_variables(run.threads);
  auto arguments = to_arguments(options);
  arguments.insert(arguments.begin(), "generate");
  become_engine(arguments);
}

}  // namespace

void add_generate_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<GenerateCommand>();
  CLI::App* command = add_generate_options(app, *options);
  command->callback([options, &action] { action = [options] { return start_generate(*options); }; });
}

}  // namespace llmtrain
