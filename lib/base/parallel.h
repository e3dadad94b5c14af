#pragma once
#include <cstddef>
#include <functional>

namespace llmtrain {

// Processors this process may run on (sched_getaffinity), at least 1.
int available_processors();

// Calls work(index) for every index in [0, count) on up to `threads` threads (0: available_processors()), the calling
// one among them; indices are taken in rising order as threads get free. The first exception ends the hand-out and is
// thrown again here.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& work, int threads = 0);

}  // namespace llmtrain
