#pragma once
#include <functional>
#include <memory>
#include <string>

#include "lib/train/batch.h"

namespace llmtrain {

// Where the batches of a stage come from. Its whole state is a text that load() takes back; what load() cannot read
// throws resume_error (6) naming `source`, the checkpoint that holds it.
struct BatchSource {
  std::function<Batch()> next;
  std::function<std::string()> state;
  std::function<void(const std::string& state, const std::string& source)> load;
};

// The rows of a loader; the state is its position.
BatchSource loader_source(std::shared_ptr<RowLoader> loader);

}  // namespace llmtrain
