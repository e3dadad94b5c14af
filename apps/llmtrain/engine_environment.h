#pragma once
#include <string>
#include <utility>
#include <vector>

#include "lib/config/environment.h"
#include "lib/config/units.h"

namespace llmtrain {

// Processors that this process may run on, and that the machine has.
struct Processors {
  int allowed = 1;
  int online = 1;
};

Processors count_processors();

// What LibTorch, its OpenMP runtime and MKL read when they are loaded, where the user has not set it: a thread for each
// processor allowed, or as many as asked for (which also overrides the user's variable); MKL keeps to that number.
// Threads are bound to cores only where they are as many as the machine's processors: bound within a part of it, two
// runs would take the same cores while others idle. How long idle threads spin stays with the runtime.
std::vector<std::pair<std::string, std::string>> engine_variables(AutoCount threads, const Processors& processors,
                                                                  const VariableLookup& user);

// Sets them for the program that this process becomes.
void set_engine_variables(AutoCount threads);

}  // namespace llmtrain
