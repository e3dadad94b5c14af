#include <memory>

#include "apps/engine/doctor.h"
#include "apps/engine/engine_commands.h"
#include "apps/llmtrain/standard_streams.h"

namespace llmtrain {

void add_doctor_command(CLI::App& app, Action& action) {
  CLI::App* doctor = app.add_subcommand("doctor", "Show what this machine has and what llmtrain makes of it");
  auto json = std::make_shared<bool>(false);
  doctor->add_flag("--json", *json, "Print JSON");
  doctor->callback([json, &action] {
    action = [json] {
      const auto report = examine();
      write_stdout(*json ? to_json(report) : to_text(report));
      check(report);
      return ExitCode::kDone;
    };
  });
}

}  // namespace llmtrain
