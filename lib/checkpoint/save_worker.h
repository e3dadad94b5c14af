#pragma once
#include <atomic>
#include <exception>
#include <functional>
#include <thread>

namespace llmtrain {

// Runs one save at a time beside training.
class SaveWorker {
 public:
  SaveWorker() = default;
  SaveWorker(const SaveWorker&) = delete;
  SaveWorker& operator=(const SaveWorker&) = delete;
  // Waits for the save in flight; what it threw is lost.
  ~SaveWorker();

  // Waits for the save before it, then starts this one. Throws what the one before threw.
  void start(std::function<void()> save);
  // Waits for the save in flight, if there is one, and throws what it threw, once.
  void wait();
  bool busy() const { return busy_; }

 private:
  std::jthread thread_;
  std::exception_ptr failure_;
  std::atomic<bool> busy_ = false;
};

}  // namespace llmtrain
