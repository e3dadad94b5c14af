#include "apps/llmtrain/commands.h"

namespace llmtrain {

void add_plan_command(CLI::App&, Action&) {}

}  // namespace llmtrain
