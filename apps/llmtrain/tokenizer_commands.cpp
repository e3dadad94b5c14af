#include "apps/llmtrain/commands.h"

namespace llmtrain {

void add_tokenizer_commands(CLI::App&, Action&) {}

}  // namespace llmtrain
