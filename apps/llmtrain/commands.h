#pragma once
#include <functional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/progress.h"

namespace llmtrain {

// Options that every command takes.
struct SharedOptions {
  bool quiet = false;
  std::string progress = "auto";

  Log log() const { return Log(quiet ? LogLevel::kQuiet : LogLevel::kNormal); }
  ProgressMode progress_mode() const;
};

// A pipeline file and what changes it.
struct PipelineOptions {
  std::string path;
  std::vector<std::string> overrides;  // --set full.path=value
};

// Adds "--quiet" and "--progress".
void add_shared_options(CLI::App& command, SharedOptions& options);
// Adds the positional "pipeline.yaml" and "--set".
void add_pipeline_options(CLI::App& command, PipelineOptions& options);

// What the chosen command does; set by its callback, run by main inside the one catch. Returns the exit code.
using Action = std::function<ExitCode()>;

// Each adds one command group to `app`. The action of the command that the user chose lands in `action`.
void add_pretrain_command(CLI::App& app, Action& action);
void add_generate_command(CLI::App& app, Action& action);
void add_eval_command(CLI::App& app, Action& action);
void add_config_commands(CLI::App& app, Action& action);
void add_tokenizer_commands(CLI::App& app, Action& action);
void add_data_commands(CLI::App& app, Action& action);
void add_model_commands(CLI::App& app, Action& action);
void add_plan_command(CLI::App& app, Action& action);
void add_report_command(CLI::App& app, Action& action);
void add_engine_commands(CLI::App& app, Action& action);
void add_completion_command(CLI::App& app, Action& action);

}  // namespace llmtrain
