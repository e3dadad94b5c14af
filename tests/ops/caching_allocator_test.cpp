#include "lib/ops/caching_allocator.h"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::size_t kPage = 4 * kKiB;  // in front of each block that is mapped alone
// Below, at and above what classes, mappings and huge pages begin at.
const std::vector<std::size_t> kSizes = {
    1,         63,         64,       65,   512,      513,      4 * kKiB,     64 * kKiB - 1,
    64 * kKiB, 100 * kKiB, kMiB - 1, kMiB, kMiB + 1, 2 * kMiB, 3 * kMiB + 5, 17 * kMiB};

std::uintptr_t address(const c10::DataPtr& data) { return reinterpret_cast<std::uintptr_t>(data.get()); }

std::size_t alignment_due(std::size_t bytes) {
  if (bytes >= kMiB) return 2 * kMiB;
  return bytes >= 64 * kKiB ? 4 * kKiB : 64;
}

// What `work`, done in a child of this process, returned.
template <class Work>
int exit_status_of_fork(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      ::_exit(work());
    } catch (...) {
      ::_exit(100);
    }
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(CachingAllocator, AlignsByTheNumberOfBytesAlone) {
  CachingAllocator allocator(/*huge_pages=*/true);
  std::vector<c10::DataPtr> held;
  for (int round = 0; round < 3; ++round) {
    for (const auto bytes : kSizes) {
      held.push_back(allocator.allocate(bytes));
      EXPECT_EQ(address(held.back()) % alignment_due(bytes), 0U) << bytes;
    }
    if (round == 1) held.clear();
  }
}

TEST(CachingAllocator, GivesEveryByteToOneHolder) {
  CachingAllocator allocator(true);
  std::vector<std::pair<c10::DataPtr, std::size_t>> held;
  for (int round = 0; round < 2; ++round) {
    for (const auto bytes : kSizes) held.emplace_back(allocator.allocate(bytes), bytes);
  }
  for (std::size_t i = 0; i < held.size(); ++i)
    std::memset(held[i].first.get(), static_cast<int>(i + 1), held[i].second);
  for (std::size_t i = 0; i < held.size(); ++i) {
    const auto* const bytes = static_cast<const unsigned char*>(held[i].first.get());
    EXPECT_EQ(bytes[0], i + 1);
    EXPECT_EQ(bytes[held[i].second - 1], i + 1);
  }
}

TEST(CachingAllocator, GivesAReturnedBlockToTheNextOfItsSize) {
  CachingAllocator allocator(true);
  for (const auto bytes : kSizes) {
    auto first = allocator.allocate(bytes);
    const auto where = address(first);
    first.clear();
    EXPECT_EQ(address(allocator.allocate(bytes)), where) << bytes;
  }
}

TEST(CachingAllocator, ZeroBytesAreANullPointer) {
  CachingAllocator allocator(true);
  EXPECT_EQ(allocator.allocate(0).get(), nullptr);
  EXPECT_EQ(allocator.memory().system_allocations, 0U);
}

// As LibTorch's users of oneDNN take and give back scratch memory.
TEST(CachingAllocator, TakesABarePointerBack) {
  CachingAllocator allocator(true);
  for (const std::size_t bytes : {0U, 100U, 3U << 20U}) allocator.raw_deallocate(allocator.raw_allocate(bytes));
  EXPECT_EQ(allocator.memory().now, 0U);
  EXPECT_EQ(allocator.memory().peak, 3 * kMiB);
}

TEST(CachingAllocator, CountsTheBytesAskedFor) {
  CachingAllocator allocator(true);
  auto small = allocator.allocate(100);
  auto large = allocator.allocate(3 * kMiB + 5);
  EXPECT_EQ(allocator.memory().now, 3 * kMiB + 105);
  large.clear();
  EXPECT_EQ(allocator.memory().now, 100U);
  EXPECT_EQ(allocator.memory().peak, 3 * kMiB + 105);
  allocator.reset_peak();
  EXPECT_EQ(allocator.memory().peak, 100U);
  large = allocator.allocate(kMiB);
  EXPECT_EQ(allocator.memory().peak, kMiB + 100);
}

TEST(CachingAllocator, TakesNothingFromTheSystemForASecondStep) {
  CachingAllocator allocator(true);
  const auto step = [&allocator] {
    std::vector<c10::DataPtr> activations;
    for (int layer = 0; layer < 12; ++layer) {
      for (const auto bytes : kSizes) activations.push_back(allocator.allocate(bytes));
      allocator.allocate(5 * kMiB);
    }
    while (!activations.empty()) {
      const auto gradient = allocator.allocate(3 * kMiB);
      activations.pop_back();
    }
  };
  step();
  const auto first = allocator.memory();
  for (int i = 0; i < 5; ++i) step();
  EXPECT_GT(first.system_allocations, 12U);
  EXPECT_EQ(allocator.memory().system_allocations, first.system_allocations);
  EXPECT_EQ(allocator.memory().reserved, first.reserved);
}

TEST(CachingAllocator, RoundsUpByLessThanAnEighth) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    CachingAllocator allocator(true);
    const auto bytes =
        static_cast<std::size_t>(std::exp2(16.0 + 12.0 * (static_cast<double>(random() % 1000) / 1000.0)));
    const auto block = allocator.allocate(bytes);
    ASSERT_GE(allocator.memory().reserved, bytes);
    ASSERT_LT(allocator.memory().reserved, bytes + bytes / 8 + kPage) << bytes;
  }
}

// Sizes that never come again, as a growing cache has them: kept, they would fill the machine.
TEST(CachingAllocator, KeepsNoMoreThanHalfOfThePeakIdle) {
  CachingAllocator allocator(true);
  const std::size_t floor = 64 * kMiB;
  for (std::size_t bytes = 200 * kMiB; bytes < 1000 * kMiB; bytes += 50 * kMiB) {
    allocator.allocate(bytes);
    ASSERT_LE(allocator.memory().reserved, bytes / 8 * 9 / 2 * 3 + floor) << bytes;
  }
}

// By hand: when 56 MiB are asked for, 100 are idle, and no more than 3/2 * 60 + 64 may be reserved: one block must go.
TEST(CachingAllocator, GivesTheLongestUnusedBackFirst) {
  CachingAllocator allocator(true);
  allocator.allocate(40 * kMiB);
  allocator.allocate(60 * kMiB);
  allocator.allocate(40 * kMiB);
  const auto held = allocator.allocate(56 * kMiB);
  EXPECT_EQ(allocator.memory().reserved, (40 + 56) * kMiB + 2 * kPage);
  EXPECT_EQ(allocator.memory().system_allocations, 3U);
  allocator.allocate(40 * kMiB);
  EXPECT_EQ(allocator.memory().system_allocations, 3U);
}

TEST(CachingAllocator, TrimGivesIdleBlocksBack) {
  CachingAllocator allocator(true);
  auto held = allocator.allocate(8 * kMiB);
  allocator.allocate(16 * kMiB);
  allocator.allocate(64 * kKiB);
  std::memset(held.get(), 7, 8 * kMiB);
  EXPECT_EQ(allocator.trim(), 16 * kMiB + 64 * kKiB + 2 * kPage);
  EXPECT_EQ(allocator.memory().reserved, 8 * kMiB + kPage);
  EXPECT_EQ(static_cast<const char*>(held.get())[8 * kMiB - 1], 7);
  EXPECT_EQ(allocator.trim(), 0U);
}

TEST(CachingAllocator, TakesBlocksBackFromOtherThreads) {
  CachingAllocator allocator(true);
  const auto exchange = [&allocator](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<c10::DataPtr> held;
    for (int i = 0; i < 2000; ++i) {
      const auto bytes = kSizes[random() % kSizes.size()];
      auto block = allocator.allocate(bytes);
      auto* const first = static_cast<std::uint32_t*>(block.get());
      if (bytes < sizeof(seed)) continue;
      *first = seed;
      std::thread other;
      if (i % 100 == 0) {
        other = std::thread([moved = std::move(held)]() mutable { moved.clear(); });
        held.clear();
      }
      EXPECT_EQ(*first, seed);
      if (random() % 2 == 0) held.push_back(std::move(block));
      if (other.joinable()) other.join();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 4; ++seed) threads.emplace_back(exchange, seed);
  }
  EXPECT_EQ(allocator.memory().now, 0U);
  EXPECT_GT(allocator.trim(), 0U);
}

// Threads at the free lists of the same two classes at once: a block handed out twice shows in what its holder wrote, a
// lost one in the counts.
TEST(CachingAllocator, ServesThreadsAtOnce) {
  CachingAllocator allocator(true);
  std::atomic<int> strangers{0};
  std::latch begin(4);
  const auto turn_over = [&](std::uint64_t name) {
    begin.arrive_and_wait();
    for (std::uint64_t i = 0; i < 2'000'000; ++i) {
      const auto first = allocator.allocate(64), second = allocator.allocate(100);
      auto* const mine = static_cast<volatile std::uint64_t*>(first.get());
      *mine = name + i;
      *static_cast<volatile std::uint64_t*>(second.get()) = i;
      if (*mine != name + i) ++strangers;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t name = 1; name <= 4; ++name) threads.emplace_back(turn_over, name << 32U);
  }
  EXPECT_EQ(strangers, 0);
  EXPECT_EQ(allocator.memory().now, 0U);
  EXPECT_LE(allocator.memory().peak, 4 * 164U);
}

TEST(CachingAllocator, RefusesWhatNoSystemHas) {
  CachingAllocator allocator(true);
  const auto held = allocator.allocate(2 * kMiB);
  for (const int bits : {47, 60, 63}) {
    EXPECT_THAT(error_of(ExitCode::kOutOfMemory, [&] { allocator.allocate(std::size_t{1} << bits); }),
                HasSubstr("2.0 MiB of tensors in use"));
  }
  EXPECT_EQ(allocator.memory().now, 2 * kMiB);
}

// Lets this process map so many bytes more than it has.
void limit_address_space(std::size_t more) {
  const auto pages = std::stoull(slurp("/proc/self/statm"));
  const rlim_t most = pages * static_cast<std::size_t>(::sysconf(_SC_PAGE_SIZE)) + more;
  const rlimit limit = {.rlim_cur = most, .rlim_max = most};
  ENSURE(::setrlimit(RLIMIT_AS, &limit) == 0, most);
}

TEST(CachingAllocator, GivesIdleMemoryBackBeforeItRefuses) {
  EXPECT_EQ(exit_status_of_fork([] {
              CachingAllocator allocator(true);
              allocator.allocate(256 * kMiB);
              limit_address_space(32 * kMiB);
              std::memset(allocator.allocate(150 * kMiB).get(), 1, 150 * kMiB);
              return 0;
            }),
            0);
}

TEST(CachingAllocator, GoesOnAfterARefusal) {
  EXPECT_EQ(exit_status_of_fork([] {
              CachingAllocator allocator(true);
              auto held = allocator.allocate(64 * kMiB);
              limit_address_space(32 * kMiB);
              for (int i = 0; i < 3; ++i) {
                try {
                  allocator.allocate(64 * kMiB);
                  return 1;
                } catch (const Error& error) {
                  if (error.code() != ExitCode::kOutOfMemory) return 2;
                }
              }
              if (allocator.memory().now != 64 * kMiB || allocator.memory().reserved != 64 * kMiB + kPage) return 3;
              held.clear();
              std::memset(allocator.allocate(80 * kMiB).get(), 1, 80 * kMiB);
              return 0;
            }),
            0);
}

TEST(CachingAllocator, RefusesSmallTensorsToo) {
  EXPECT_EQ(exit_status_of_fork([] {
              CachingAllocator allocator(true);
              limit_address_space(64 * kMiB);
              std::vector<c10::DataPtr> held;
              held.reserve(10000);
              try {
                while (held.size() < held.capacity()) held.push_back(allocator.allocate(30 * kKiB));
              } catch (const Error& error) {
                return static_cast<int>(error.code());
              }
              return 0;
            }),
            8);
}

}  // namespace
}  // namespace llmtrain
