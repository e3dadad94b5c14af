#pragma once
#include <utility>

#include "lib/base/error.h"

namespace llmtrain {

// What `read` gives; the errors of a file that it throws become resume_error (6): what it reads was saved with the run.
template <class Read>
auto read_saved(Read&& read) {
  try {
    return std::forward<Read>(read)();
  } catch (const Error& error) {
    throw Error(ExitCode::kResumeRefused, error.faults());
  }
}

}  // namespace llmtrain
