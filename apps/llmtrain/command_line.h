#pragma once
#include <CLI/App.hpp>

#include "apps/llmtrain/commands.h"

namespace llmtrain {

// Parses the command line and runs the action that the chosen command set. Help, version and wrong usage are answered
// here: on stdout with 0, on stderr in one line with 2. Returns the exit code.
int run_command_line(CLI::App& app, const Action& action, int argc, char** argv);

}  // namespace llmtrain
