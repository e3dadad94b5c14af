#include "apps/llmtrain/commands.h"

namespace llmtrain {

void add_config_commands(CLI::App&, Action&) {}

}  // namespace llmtrain
