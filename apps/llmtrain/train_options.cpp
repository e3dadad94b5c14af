#include "apps/llmtrain/train_options.h"

#include <filesystem>
#include <system_error>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "lib/base/text.h"

namespace llmtrain {

void add_train_options(CLI::App& command, TrainOptions& options) {
  add_pipeline_options(command, options.pipeline);
  add_shared_options(command, options.shared);
  command
      .add_option("--resume", options.resume,
                  "auto: go on where the run stopped; never: move the old folder aside and start anew; or a checkpoint "
                  "or stage folder to go on from")
      ->type_name("auto|never|PATH")
      ->capture_default_str();
  command.add_flag("--dry-run", options.dry_run, "Check everything up to the first allocation of weights, then stop");
  command.add_flag("--accept-data-change", options.accept_data_change,
                   "Resume although the data changed since the checkpoint, and record it");
  command.add_flag("--accept-non-finite", options.accept_non_finite,
                   "Resume from a checkpoint that holds NaN or infinities");
  command.add_option("--log-format", options.log_format, "Lines for people or for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

std::vector<std::string> to_arguments(const TrainOptions& options) {
  std::vector<std::string> arguments;
  // With "=" in one word, so that a value that begins with a hyphen stays a value.
  for (const auto& text : options.pipeline.overrides) arguments.push_back("--set=" + text);
  if (options.shared.quiet) arguments.emplace_back("--quiet");
  arguments.push_back("--progress=" + options.shared.progress);
  arguments.push_back("--resume=" + options.resume);
  if (options.dry_run) arguments.emplace_back("--dry-run");
  if (options.accept_data_change) arguments.emplace_back("--accept-data-change");
  if (options.accept_non_finite) arguments.emplace_back("--accept-non-finite");
  arguments.push_back("--log-format=" + options.log_format);
  arguments.emplace_back("--");
  arguments.push_back(options.pipeline.path);
  return arguments;
}

void check_resume_option(const std::string& resume) {
  if (resume == "auto" || resume == "never") return;
  std::error_code ignored;
  if (std::filesystem::is_directory(resume, ignored)) return;
  const auto meant = nearest(resume, {"auto", "never"});
  throw config_error("--resume: expected auto, never, or the path of a checkpoint or stage folder, got '{}'{}",
                     printable(resume), meant ? fmt::format("; did you mean '{}'?", *meant) : "");
}

}  // namespace llmtrain
