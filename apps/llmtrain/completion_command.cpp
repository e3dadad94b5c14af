#include <string>
#include <vector>

#include "apps/llmtrain/commands.h"
#include "apps/llmtrain/standard_streams.h"

namespace llmtrain {
namespace {

struct CompletionCases {
  std::string paths;  // "config|config check|...": what is a command and not an argument
  std::string words;  // one case a command: what may come after it
};

std::vector<const CLI::App*> children_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

std::string long_options(const CLI::App& command) {
  std::string words;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) words += "--" + name + " ";
  }
  return words;
}

// The words come from the parser itself, so nothing is listed twice.
void append_cases(const CLI::App& command, const std::string& path, CompletionCases& cases) {
  std::string names;
  for (const CLI::App* child : children_of(command)) names += child->get_name() + " ";
  const std::string options = long_options(command);
  cases.words += fmt::format("    \"{}\")\n      names=\"{}\" options=\"{}\" ;;\n", path, names, options);
  for (const CLI::App* child : children_of(command)) {
    const std::string child_path = path.empty() ? child->get_name() : path + " " + child->get_name();
    cases.paths += (cases.paths.empty() ? "\"" : " | \"") + child_path + "\"";
    append_cases(*child, child_path, cases);
  }
}

std::string bash_completion(const CLI::App& app) {
  CompletionCases cases;
  append_cases(app, "", cases);
  return fmt::format(R"(# bash completion for llmtrain, made by `llmtrain completion bash`
_llmtrain() {{
  local cur="${{COMP_WORDS[COMP_CWORD]}}" path="" names="" options="" next i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="${{path:+$path }}${{COMP_WORDS[i]}}"
    case "$next" in
      {}) path="$next" ;;
    esac
  done
  case "$path" in
{}  esac
  COMPREPLY=()
  if [[ $cur == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
  elif [[ -n $names ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
  fi
}}
complete -o default -F _llmtrain llmtrain
)",
                     cases.paths, cases.words);
}

}  // namespace

void add_completion_command(CLI::App& app, Action& action) {
  CLI::App* completion = app.add_subcommand("completion", "Print a shell completion script");
  const auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "Which shell")->check(CLI::IsMember({"bash"}))->required();
  completion->callback([shell, &app, &action] {
    action = [shell, &app] {
      ENSURE(*shell == "bash", *shell);
      write_stdout(bash_completion(app));
      return ExitCode::kDone;
    };
  });
}

}  // namespace llmtrain
