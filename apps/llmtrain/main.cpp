#include <algorithm>
#include <clocale>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <system_error>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "apps/llmtrain/commands.h"
#include "lib/base/signals.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kMaxErrorLine = 1000;

void print_error(const std::string& message) {
  const std::string line = "llmtrain: error: " + printable(message, kMaxErrorLine) + "\n";
  std::fputs(line.c_str(), stderr);
}

int report(const Error& error) {
  if (error.code() == ExitCode::kRequeue) {
    std::fprintf(stderr, "llmtrain: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  for (const auto& fault : error.faults()) {
    print_error(fault.message);
    if (!fault.context.empty()) std::fprintf(stderr, "%s\n", fault.context.c_str());
  }
  if (error.faults().size() > 1) std::fprintf(stderr, "llmtrain: %zu errors\n", error.faults().size());
  return static_cast<int>(error.code());
}

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

// CLI11 has codes of its own above 100; a wrong command line is 2 here.
int report_usage(const CLI::App& app, const CLI::ParseError& error, const std::string& unknown) {
  if (error.get_exit_code() == 0) {
    const int code = app.exit(error);
    if (std::cout.flush()) return code;
    print_error("stdout: cannot write");
    return static_cast<int>(ExitCode::kStorage);
  }
  const CLI::App* command = &app;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  std::string name = command->get_name();
  for (const CLI::App* parent = command->get_parent(); parent != nullptr; parent = parent->get_parent()) {
    name = parent->get_name() + " " + name;
  }
  print_error(fmt::format("{}; try '{} --help'", unknown.empty() ? error.what() : unknown, name));
  return static_cast<int>(ExitCode::kUsage);
}

int run(int argc, char** argv) {
  CLI::App app("Trains language models from raw text to an aligned chat model.", "llmtrain");
  app.set_version_flag("-V,--version", std::string("llmtrain ") + LLMTRAIN_VERSION);
  app.require_subcommand(1);
  Action action;
  add_config_commands(app, action);
  add_tokenizer_commands(app, action);
  add_data_commands(app, action);
  add_model_commands(app, action);
  add_plan_command(app, action);
  add_engine_commands(app, action);
  add_completion_command(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return report_usage(app, error, unknown_command(app, argc, argv));
  }
  ENSURE(action != nullptr);
  return static_cast<int>(action());
}

}  // namespace
}  // namespace llmtrain

int main(int argc, char** argv) {
  using llmtrain::ExitCode;
  std::setlocale(LC_CTYPE, "");  // for the progress bar's characters; numbers stay in the C locale
  try {
    llmtrain::install_signal_handlers();
    return llmtrain::run(argc, argv);
  } catch (const llmtrain::Error& error) {
    return llmtrain::report(error);
  } catch (const std::bad_alloc&) {
    llmtrain::print_error("out of memory");
    return static_cast<int>(ExitCode::kOutOfMemory);
  } catch (const std::filesystem::filesystem_error& error) {
    llmtrain::print_error(fmt::format("{}: {}", error.path1().string(), error.code().message()));
    return static_cast<int>(ExitCode::kStorage);
  } catch (const std::system_error& error) {  // a thread that cannot be started
    llmtrain::print_error(fmt::format("{}; raise the limits on processes and memory", error.code().message()));
    return static_cast<int>(ExitCode::kOutOfMemory);
  } catch (const std::exception& error) {
    llmtrain::print_error(fmt::format("internal: {}; this is a bug in llmtrain, please report it", error.what()));
    return static_cast<int>(ExitCode::kInternal);
  }
}
