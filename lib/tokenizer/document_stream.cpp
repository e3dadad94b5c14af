#include "lib/tokenizer/document_stream.h"

#include <mutex>
#include <vector>

#include "lib/base/parallel.h"
#include "lib/base/signals.h"

namespace llmtrain {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{1} << 20;  // read under the lock at a time

}  // namespace

void for_each_document(const NextDocument& next, std::size_t workers,
                       const std::function<void(std::size_t worker, std::string_view document)>& work) {
  std::mutex mutex;
  bool ended = false;
  const auto read_batch = [&](std::vector<std::string>& batch) {
    const std::scoped_lock lock(mutex);
    std::size_t count = 0;
    for (std::size_t bytes = 0; !ended && bytes < kBatchBytes; ++count) {
      if (batch.size() == count) batch.emplace_back();
      ended = true;  // also if next() throws: nobody reads on behind a fault
      ended = !next(batch[count]);
      if (ended) break;
      bytes += batch[count].size();
    }
    return count;
  };
  const auto run = [&](std::size_t worker) {
    std::vector<std::string> batch;
    try {
      while (const std::size_t count = read_batch(batch)) {
        for (std::size_t i = 0; i < count; ++i) {
          stop_point("reading text for the tokenizer");
          work(worker, batch[i]);
        }
      }
    } catch (...) {
      const std::scoped_lock lock(mutex);
      ended = true;  // the others need not go on
      throw;
    }
  };
  parallel_for(workers, run, static_cast<int>(workers));
}

}  // namespace llmtrain
