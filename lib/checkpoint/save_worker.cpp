#include "lib/checkpoint/save_worker.h"

#include <utility>

#include "lib/base/error.h"

namespace llmtrain {

SaveWorker::~SaveWorker() {
  if (thread_.joinable()) thread_.join();
}

void SaveWorker::start(std::function<void()> save) {
  wait();
  busy_ = true;
  thread_ = std::jthread([this, work = std::move(save)] {
    try {
      work();
    } catch (...) {
      failure_ = std::current_exception();
    }
    busy_ = false;
  });
}

void SaveWorker::wait() {
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace llmtrain
