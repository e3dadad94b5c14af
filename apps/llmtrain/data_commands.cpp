#include "apps/llmtrain/commands.h"

namespace llmtrain {

void add_data_commands(CLI::App&, Action&) {}

}  // namespace llmtrain
