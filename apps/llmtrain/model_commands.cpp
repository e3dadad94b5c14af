#include "apps/llmtrain/commands.h"

namespace llmtrain {

void add_model_commands(CLI::App&, Action&) {}

}  // namespace llmtrain
