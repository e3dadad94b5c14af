#include "apps/llmtrain/commands.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace llmtrain {

ProgressMode SharedOptions::progress_mode() const {
  if (quiet || progress == "off") return ProgressMode::kOff;
  if (progress == "on") return ProgressMode::kBar;
  if (progress == "lines") return ProgressMode::kLines;
  return ProgressMode::kAuto;
}

void add_shared_options(CLI::App& command, SharedOptions& options) {
  command.add_flag("-q,--quiet", options.quiet, "Print results, warnings and errors only");
  command.add_option("--progress", options.progress, "auto: a bar on a terminal, lines elsewhere")
      ->check(CLI::IsMember({"auto", "on", "lines", "off"}));
}

void add_pipeline_options(CLI::App& command, PipelineOptions& options) {
  command.add_option("pipeline", options.path, "Pipeline file (YAML)")->required()->type_name("FILE");
  command.add_option("--set", options.overrides, "Override a key: --set pretrain.optim.lr=1e-4")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
}

}  // namespace llmtrain
