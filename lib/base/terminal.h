#pragma once
#include <string_view>

namespace llmtrain {

// What stderr, where everything but results is shown, is and can do. Asked anew at each call.

// It is a terminal, and TERM is neither empty nor "dumb": a line can be redrawn.
bool terminal_takes_a_bar();
// COLUMNS, else what the terminal says, else 80.
int terminal_columns();
// Characters beyond ASCII are shown as they are (LC_CTYPE, as setlocale(3) set it).
bool locale_is_utf8();
// Writes the text as it stands. Where stderr is closed or broken the text is lost, and that is no fault.
void write_stderr(std::string_view text);

}  // namespace llmtrain
