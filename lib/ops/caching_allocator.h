#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include <c10/core/Allocator.h>

#include "lib/ops/runtime.h"

namespace llmtrain {

// Memory of tensors that is kept for the next tensor. LibTorch gives a large tensor's memory back to the system with
// the tensor, so every temporary costs page faults and zeroing; here what is given back waits in the free list of its
// size class, and a training step that repeats takes nothing from the system.
//
// Alignment depends on the number of bytes alone, so that a kernel that peels off what is not aligned does the same
// every time: at least kAlignment; a page from kOwnMapping on; kHugePage from kHugeBlock on, where the system is asked
// for huge pages.
//
// Waste is bounded. Rounding up to a size class adds less than kAlignment or an eighth, and what stands in front of a
// block kAlignment, from kOwnMapping on a page. What is kept idle in blocks
// from kOwnMapping on is given back, longest unused first, before more is taken from the system, so that all that is
// reserved stays below kIdleFloor + 3/2 of the most that was handed out at once (rounded up; counted from the start or
// the last trim()), as far as that can be done without taking from who holds it. Smaller blocks stay for good, each
// class as many as were in use at once.
//
// Safe from any thread; who frees need not be who allocated.
class CachingAllocator final : public c10::Allocator {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kOwnMapping = std::size_t{64} << 10;
  static constexpr std::size_t kHugeBlock = std::size_t{1} << 20;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static constexpr std::size_t kIdleFloor = std::size_t{64} << 20;

  explicit CachingAllocator(bool huge_pages);
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;
  // Gives everything back to the system: no tensor may be left.
  ~CachingAllocator() override;

  // Zero bytes are a null pointer. Throws Error (8) with sizes where the system has no more even after a trim().
  c10::DataPtr allocate(std::size_t bytes) override;
  c10::DeleterFnPtr raw_deleter() const override;
  void copy_data(void* to, const void* from, std::size_t bytes) const override;

  TensorMemory memory() const;
  void reset_peak();
  // Gives idle blocks from kOwnMapping on back to the system; how many bytes that were.
  std::uint64_t trim();

 private:
  // Stands in the last kAlignment bytes before the tensor's, so that a pointer alone is enough to give it back:
  // LibTorch's raw_allocate() asks for that.
  struct Block {
    CachingAllocator* owner = nullptr;
    Block* next = nullptr;       // in the free list of its class
    std::size_t bytes = 0;       // asked for
    std::size_t size_class = 0;  // its capacity
  };
  struct FreeList {
    Block* first = nullptr;
    std::uint64_t last_used = 0;  // on the clock of allocations
  };
  // Memory that small blocks are cut from; its first bytes point to the chunk before.
  struct Chunk {
    std::byte* next = nullptr;
    std::size_t left = 0;
    std::byte* begin = nullptr;
  };

  static void release(void* data);
  Block* take(std::size_t size_class);
  Block* carve(std::size_t size_class);
  Block* cut(std::size_t size_class);
  Block* map_block(std::size_t size_class);
  Block* new_block(std::byte* data, std::size_t size_class);
  void keep(Block* block);
  std::byte* map(std::size_t bytes, std::size_t in_front);
  std::uint64_t unmap_idle(FreeList& list);
  FreeList* longest_unused();
  std::uint64_t trim_to(std::uint64_t bytes);

  // Eight classes a doubling from 64 bytes to 2^56.
  static constexpr std::size_t kClasses = std::size_t{8} * 48;

  const bool huge_pages_;
  mutable std::mutex mutex_;  // guards all below
  std::array<FreeList, kClasses> free_;
  Chunk chunk_;
  std::uint64_t clock_ = 0;
  std::uint64_t capacity_now_ = 0;  // of what is handed out, rounded up
  std::uint64_t capacity_peak_ = 0;
  TensorMemory memory_;
};

}  // namespace llmtrain
