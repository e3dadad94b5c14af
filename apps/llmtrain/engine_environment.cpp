#include "apps/llmtrain/engine_environment.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/parallel.h"

namespace llmtrain {

Processors count_processors() {
  const int allowed = available_processors();
  return {.allowed = allowed, .online = std::max(allowed, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)))};
}

std::vector<std::pair<std::string, std::string>> engine_variables(AutoCount threads, const Processors& processors,
                                                                  const VariableLookup& user) {
  std::vector<std::pair<std::string, std::string>> variables;
  const auto given = user("OMP_NUM_THREADS");
  std::string count = std::to_string(threads.automatic() ? processors.allowed : threads.value);
  if (given && threads.automatic()) {
    count = *given;
  } else {
    variables.emplace_back("OMP_NUM_THREADS", count);
  }
  const bool whole_machine = processors.allowed == processors.online && count == std::to_string(processors.online);
  if (whole_machine && !user("OMP_PROC_BIND") && !user("OMP_PLACES")) {
    variables.emplace_back("OMP_PROC_BIND", "close");
    variables.emplace_back("OMP_PLACES", "cores");
  }
  if (!user("MKL_DYNAMIC")) variables.emplace_back("MKL_DYNAMIC", "FALSE");
  return variables;
}

void set_engine_variables(AutoCount threads) {
  for (const auto& [name, value] : engine_variables(threads, count_processors(), process_variable)) {
    ENSURE(::setenv(name.c_str(), value.c_str(), 1) == 0, name);
  }
}

}  // namespace llmtrain
