#include <clocale>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/llmtrain/command_line.h"
#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/error_report.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/known_variables.h"
#include "lib/base/mapped_file.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

int run(int argc, char** argv) {
  occupy_standard_streams();
  install_signal_handlers();
  guard_mapped_files();
  check_variables(variable_names());
  CLI::App app("Trains language models from raw text to an aligned chat model.", "llmtrain");
  app.set_version_flag("-V,--version", std::string("llmtrain ") + LLMTRAIN_VERSION);
  app.require_subcommand(1);
  Action action;
  add_pretrain_command(app, action);
  add_generate_command(app, action);
  add_eval_command(app, action);
  add_config_commands(app, action);
  add_tokenizer_commands(app, action);
  add_data_commands(app, action);
  add_model_commands(app, action);
  add_plan_command(app, action);
  add_report_command(app, action);
  add_engine_commands(app, action);
  add_completion_command(app, action);
  return run_command_line(app, action, argc, argv);
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // for the progress bar's characters; numbers stay in the C locale
  return llmtrain::report_errors([&] { return llmtrain::run(argc, argv); }, llmtrain::error_form(argc, argv));
}
