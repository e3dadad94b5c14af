#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "lib/config/pipeline.h"
#include "lib/metrics/run_report.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
  std::vector<std::string> runs;
  std::vector<std::string> overrides;  // of pipeline files among the runs
  std::optional<std::string> output;
};

// The stage folders of a run's folder, or of one stage.
std::vector<fs::path> stages_in(const fs::path& folder, const std::string& named_by) {
  if (is_stage_folder(folder)) return {folder};
  auto stages = stage_folders(folder);
  if (!stages.empty()) return stages;
  throw input_error(
      "{}no run there, expected the folder of a stage (with metrics.jsonl) or of a run; try "
      "runs/NAME/pretrain",
      named_by);
}

// run: a stage folder, a run's folder, or a pipeline file, which names its run's.
std::vector<fs::path> stages_of(const std::string& run, const std::vector<std::string>& overrides) {
  std::error_code error;
  const auto status = fs::status(run, error);
  if (fs::is_directory(status)) return stages_in(run, printable(run) + ": ");
  if (!fs::exists(status)) {
    throw input_error("{}: {}", printable(run), error ? error.message() : system_message(ENOENT));
  }
  const auto config = load_pipeline(run, overrides).config.run;
  const fs::path folder = fs::path(config.dir) / config.name;
  return stages_in(folder, fmt::format("{}: its run's folder is {}: ", printable(run), printable(folder.string())));
}

// Gives the paths of the pages, a line each.
std::string write_pages(const std::vector<fs::path>& stages, const std::optional<std::string>& output) {
  if (output && stages.size() > 1) {
    throw config_error("--output: one page, but this run has {} stages; name the folder of one", stages.size());
  }
  std::string paths;
  for (const auto& stage : stages) {
    if (output) {
      write_file(*output, html_report(run_report(read_stage(stage))));
      paths += *output + "\n";
    } else {
      paths += write_run_report(stage).string() + "\n";
    }
  }
  return paths;
}

std::string write_comparison(const std::vector<fs::path>& stages, const std::string& output) {
  std::vector<StageRecord> records;
  for (const auto& stage : stages) records.push_back(read_stage(stage));
  write_file(output, html_report(compare_runs(records)));
  return output + "\n";
}

ExitCode report(const ReportOptions& options) {
  std::vector<fs::path> stages;
  for (const auto& run : options.runs) {
    for (auto& stage : stages_of(run, options.overrides)) stages.push_back(std::move(stage));
  }
  const bool compare = options.runs.size() > 1;
  write_stdout(compare ? write_comparison(stages, options.output.value_or("./report.html"))
                       : write_pages(stages, options.output));
  return ExitCode::kDone;
}

}  // namespace

void add_report_command(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand(
      "report", "Write the page of a run (curves, facts, timings, samples), or one page that compares several runs");
  auto options = std::make_shared<ReportOptions>();
  command
      ->add_option("run", options->runs,
                   "Folder of a stage or of a run, or a pipeline file; several are compared on one page")
      ->required()
      ->type_name("RUN...");
  command->add_option("--set", options->overrides, "Override a key of a pipeline file: --set run.name=other")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("-o,--output", options->output,
                   "Where the page goes; else report.html in the stage's folder, or here where runs are compared")
      ->type_name("FILE");
  command->callback([options, &action] { action = [options] { return report(*options); }; });
}

}  // namespace llmtrain
