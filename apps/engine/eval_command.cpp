#include <memory>
#include <optional>

#include "apps/engine/engine_commands.h"
#include "apps/engine/eval_report.h"
#include "apps/llmtrain/eval_options.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/file.h"
#include "lib/recipes/eval.h"

namespace llmtrain {
namespace {

ExitCode evaluate_model(const EvalOptions& options) {
  const auto pipeline = load_checked_pipeline(options);
  // Says before the work whether the result can be written.
  std::optional<AtomicFile> output;
  if (!options.output.empty()) output.emplace(options.output);
  const auto report =
      run_eval(pipeline, options.source.pipeline,
               {.model = options.model, .log = options.shared.log(), .progress = options.shared.progress_mode()});
  if (output) {
    output->write(to_json(report));
    output->commit();
  }
  write_stdout(options.json ? to_json(report) : to_text(report));
  return ExitCode::kDone;
}

}  // namespace

void add_eval_command(CLI::App& app, Action& action) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* command = add_eval_options(app, *options);
  command->callback([options, &action] { action = [options] { return evaluate_model(*options); }; });
}

}  // namespace llmtrain
