#include <memory>

#include "apps/llmtrain/become_engine.h"
#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/engine_environment.h"

namespace llmtrain {

void add_engine_commands(CLI::App& app, Action& action) {
  CLI::App* doctor = app.add_subcommand("doctor", "Show what this machine has and what llmtrain makes of it");
  auto json = std::make_shared<bool>(false);
  doctor->add_flag("--json", *json, "Print JSON");
  doctor->callback([json, &action] {
    action = [json]() -> ExitCode {
      std::vector<std::string> arguments = {"doctor"};
      if (*json) arguments.emplace_back("--json");
      set_engine_variables({});
      become_engine(arguments);
    };
  });
}

}  // namespace llmtrain
