#include "apps/llmtrain/command_line.h"

#include <algorithm>
#include <iostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "lib/base/text.h"

namespace llmtrain {
namespace {

// "unknown command 'confg'; did you mean 'config'?" where a word stands in a command's place; else "".
std::string unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    std::vector<std::string> names;
    for (const CLI::App* child : command->get_subcommands(nullptr)) names.push_back(child->get_name());
    if (names.empty()) return "";
    if (word.starts_with("-")) continue;
    if (std::find(names.begin(), names.end(), word) != names.end()) {
      command = command->get_subcommand(word);
      continue;
    }
    const auto meant = nearest(word, names);
    return fmt::format("unknown command '{}'{}", word, meant ? fmt::format("; did you mean '{}'?", *meant) : "");
  }
  return "";
}

// Help and version are no errors. CLI11 has codes of its own above 100; a wrong command line is 2 here.
int answer(const CLI::App& app, const CLI::ParseError& error, const std::string& unknown) {
  if (error.get_exit_code() == 0) {
    const int code = app.exit(error);
    if (std::cout.flush()) return code;
    throw storage_error("stdout: cannot write");
  }
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::string name = command->get_name();
  for (const CLI::App* parent = command->get_parent(); parent != nullptr; parent = parent->get_parent()) {
    name = parent->get_name() + " " + name;
  }
  throw config_error("{}; try '{} --help'", unknown.empty() ? error.what() : unknown, name);
}

}  // namespace

int run_command_line(CLI::App& app, const Action& action, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer(app, error, unknown_command(app, argc, argv));
  }
  ENSURE(action != nullptr);
  return static_cast<int>(action());
}

}  // namespace llmtrain
