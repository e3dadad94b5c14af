#pragma once
#include <functional>

namespace llmtrain {

// How the lines on stderr look that end a run.
enum class ErrorForm {
  kText,  // "llmtrain: error: MESSAGE", escaped and bounded; below it the line of the file with a caret
  kJson,  // {"event":"error","code":2,"text":MESSAGE}, as all else on stderr under --log-format json
};

// What the words of the command line ask for, whatever else is wrong with them.
ErrorForm error_form(int argc, char** argv);

// Runs what a program does and turns what it throws into lines on stderr and the exit code: the only catch of both
// programs. Of a foreign exception's message the first line counts.
int report_errors(const std::function<int()>& work, ErrorForm form);

}  // namespace llmtrain
