#include "lib/checkpoint/save_worker.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <vector>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

void pause_a_little() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

TEST(SaveWorker, RunsOneSaveAtATimeInOrder) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  std::vector<int> order;
  {
    SaveWorker worker;
    for (int i = 0; i < 10; ++i) {
      worker.start([&, i] {
        most = std::max<int>(most, ++running);
        pause_a_little();
        order.push_back(i);
        --running;
      });
    }
  }
  EXPECT_EQ(most, 1);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(SaveWorker, GoesOnWhileASaveIsInFlight) {
  std::promise<void> gate;
  SaveWorker worker;
  EXPECT_FALSE(worker.busy());
  worker.start([opened = gate.get_future().share()] { opened.wait(); });
  EXPECT_TRUE(worker.busy());
  gate.set_value();
  worker.wait();
  EXPECT_FALSE(worker.busy());
}

TEST(SaveWorker, ThrowsOnceWhatASaveThrew) {
  SaveWorker worker;
  worker.start([] { throw storage_error("disk full"); });
  EXPECT_EQ(error_of(ExitCode::kStorage, [&] { worker.wait(); }), "disk full");
  EXPECT_NO_THROW(worker.wait());
  EXPECT_FALSE(worker.busy());
}

TEST(SaveWorker, StartThrowsWhatTheSaveBeforeThrewAndStartsNothing) {
  bool started = false;
  SaveWorker worker;
  worker.start([] { throw storage_error("disk full"); });
  EXPECT_EQ(error_of(ExitCode::kStorage, [&] { worker.start([&] { started = true; }); }), "disk full");
  worker.wait();
  EXPECT_FALSE(started);
  worker.start([&] { started = true; });
  worker.wait();
  EXPECT_TRUE(started);
}

TEST(SaveWorker, WaitsForTheSaveWhenItGoes) {
  bool done = false;
  {
    SaveWorker worker;
    worker.start([&] {
      pause_a_little();
      done = true;
    });
  }
  EXPECT_TRUE(done);
}

TEST(SaveWorker, ThrowsNothingWhenItGoes) {
  EXPECT_NO_THROW({
    SaveWorker worker;
    worker.start([] { throw storage_error("disk full"); });
  });
}

}  // namespace
}  // namespace llmtrain
