#pragma once
#include <CLI/App.hpp>

#include "apps/llmtrain/commands.h"

namespace llmtrain {

// Each adds one command to the engine; its action lands in `action` (commands.h).
void add_doctor_command(CLI::App& app, Action& action);
void add_eval_command(CLI::App& app, Action& action);
void add_pretrain_command(CLI::App& app, Action& action);
void add_generate_command(CLI::App& app, Action& action);

}  // namespace llmtrain
