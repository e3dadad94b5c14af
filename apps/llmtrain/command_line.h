#pragma once
#include <CLI/App.hpp>

#include "apps/llmtrain/commands.h"

namespace llmtrain {

// Parses the command line and runs the action that the chosen command set. Help and version are answered here, on
// stdout. Returns the exit code; throws config_error for wrong usage.
int run_command_line(CLI::App& app, const Action& action, int argc, char** argv);

}  // namespace llmtrain
