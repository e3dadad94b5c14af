#include <cstdio>
#include <string>

#include "apps/llmtrain/commands.h"

namespace llmtrain {
namespace {

// One case per command path: its subcommands and options. Words come from the parser itself, so nothing is listed
// twice.
void append_cases(const CLI::App& command, const std::string& path, std::string& cases) {
  std::string words;
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; })) {
    words += child->get_name() + " ";
  }
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  }
  cases += fmt::format("    \"{}\") words=\"{}\" ;;\n", path, words);
  for (const CLI::App* child : command.get_subcommands([](const CLI::App*) { return true; })) {
    append_cases(*child, path.empty() ? child->get_name() : path + " " + child->get_name(), cases);
  }
}

std::string bash_completion(const CLI::App& app) {
  std::string cases;
  append_cases(app, "", cases);
  return fmt::format(R"(# bash completion for llmtrain; made by `llmtrain completion bash`
_llmtrain() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" path="" next words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${{path:+$path }}${{COMP_WORDS[i]}}"
    case "$next" in
{})
    esac
    path="$next"
  done
}}
)",
                     cases);
}

}  // namespace

void add_completion_command(CLI::App& app, Action& action) {
  CLI::App* completion = app.add_subcommand("completion", "Print a shell completion script");
  auto shell = std::make_shared<std::string>("bash");
  completion->add_option("shell", *shell, "Which shell")->check(CLI::IsMember({"bash"}))->required();
  completion->callback([&app, &action] {
    action = [&app] {
      std::fputs(bash_completion(app).c_str(), stdout);
      return ExitCode::kDone;
    };
  });
}

}  // namespace llmtrain
