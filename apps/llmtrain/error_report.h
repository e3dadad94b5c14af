#pragma once
#include <functional>
#include <string_view>

namespace llmtrain {

// "llmtrain: error: MESSAGE" to stderr: one line, escaped and bounded.
void print_error(std::string_view message);

// Runs what a program does and turns what it throws into lines on stderr and the exit code: the only catch of both
// programs. Of a foreign exception's message the first line counts.
int report_errors(const std::function<int()>& work);

}  // namespace llmtrain
