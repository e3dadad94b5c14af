// The engine: what needs tensors. `llmtrain` starts it in its own place, having checked the arguments; started by hand
// it takes the same ones.
#include <clocale>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <c10/util/Exception.h>

#include "apps/engine/engine_commands.h"
#include "apps/llmtrain/command_line.h"
#include "apps/llmtrain/error_report.h"
#include "apps/llmtrain/standard_streams.h"
#include "lib/base/known_variables.h"
#include "lib/base/mapped_file.h"
#include "lib/base/signals.h"
#include "lib/ops/runtime.h"

namespace llmtrain {
namespace {

int run(int argc, char** argv) {
  occupy_standard_streams();
  install_signal_handlers();
  guard_mapped_files();
  use_all_processors();
  check_variables(variable_names());
  CLI::App app("The part of llmtrain that needs tensors; `llmtrain` starts it.", "llmtrain-engine");
  app.set_version_flag("-V,--version", std::string("llmtrain-engine ") + LLMTRAIN_VERSION);
  app.require_subcommand(1);
  Action action;
  add_doctor_command(app, action);
  add_eval_command(app, action);
  add_pretrain_command(app, action);
  add_generate_command(app, action);
  try {
    return run_command_line(app, action, argc, argv);
  } catch (const c10::OutOfMemoryError& error) {  // a GPU's
    throw Error(ExitCode::kOutOfMemory, std::string(error.what_without_backtrace()));
  }
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // for the progress bar's characters; numbers stay in the C locale
  return llmtrain::report_errors([&] { return llmtrain::run(argc, argv); }, llmtrain::error_form(argc, argv));
}
