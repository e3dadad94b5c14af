#pragma once
#include <string>
#include <vector>

namespace llmtrain {

// The environment variables that the programs and their tests read, besides those that a pipeline file names itself and
// those of the system (COLUMNS, TERM, LC_ALL, OMP_*, ...).
const std::vector<std::string>& known_variables();

// Names of this process's environment.
std::vector<std::string> variable_names();

// Throws config_error (2), a fault for each name that begins with LLMTRAIN_ and is not known, with the nearest that is:
// a setting that nobody reads would be taken for one that holds.
void check_variables(const std::vector<std::string>& names);

}  // namespace llmtrain
