#include <cerrno>
#include <filesystem>

#include <unistd.h>

#include "apps/llmtrain/commands.h"
#include "lib/base/file.h"

namespace llmtrain {
namespace {

// Becomes the sibling program: same process, so signals and batch systems see one pid.
[[noreturn]] void become_engine(const std::vector<std::string>& arguments) {
  const auto engine = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "llmtrain-engine";
  std::vector<char*> argv;
  const std::string name = engine.string();
  argv.push_back(const_cast<char*>(name.c_str()));
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(name.c_str(), argv.data());
  throw config_error("{}: cannot start: {}; build or install both programs into one folder", name,
                     system_message(errno));
}

}  // namespace

void add_engine_commands(CLI::App& app, Action& action) {
  CLI::App* doctor = app.add_subcommand("doctor", "Show what this machine has and what llmtrain makes of it");
  auto json = std::make_shared<bool>(false);
  doctor->add_flag("--json", *json, "Print JSON");
  doctor->callback([json, &action] {
    action = [json]() -> ExitCode {
      std::vector<std::string> arguments = {"doctor"};
      if (*json) arguments.emplace_back("--json");
      become_engine(arguments);
    };
  });
}

}  // namespace llmtrain
