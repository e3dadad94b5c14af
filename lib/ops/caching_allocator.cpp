#include "lib/ops/caching_allocator.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include <sys/mman.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace llmtrain {
namespace {

constexpr std::size_t kLinearClasses = 8;  // multiples of the alignment, up to where an eighth is as much
constexpr std::size_t kStepsPerDoubling = 8;
constexpr std::size_t kFirstDoubling = kLinearClasses * CachingAllocator::kAlignment;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunk = std::size_t{8} << 20;
constexpr std::size_t kMostBytes = std::size_t{1} << 55;

// The smallest class that holds so many bytes (at least 1).
std::size_t class_of(std::size_t bytes) {
  if (bytes <= kFirstDoubling) return (bytes - 1) / CachingAllocator::kAlignment;
  const auto doubling = static_cast<std::size_t>(std::bit_width((bytes - 1) / kFirstDoubling) - 1);
  const std::size_t base = kFirstDoubling << doubling;
  const std::size_t step = base / kStepsPerDoubling;
  return kLinearClasses + doubling * kStepsPerDoubling + (bytes - base - 1) / step;
}

std::size_t capacity_of(std::size_t size_class) {
  if (size_class < kLinearClasses) return (size_class + 1) * CachingAllocator::kAlignment;
  const std::size_t base = kFirstDoubling << ((size_class - kLinearClasses) / kStepsPerDoubling);
  return base + ((size_class - kLinearClasses) % kStepsPerDoubling + 1) * (base / kStepsPerDoubling);
}

bool is_mapped_alone(std::size_t size_class) { return capacity_of(size_class) >= CachingAllocator::kOwnMapping; }

std::uintptr_t address(const std::byte* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

// Of a block, whose bookkeeping stands in front.
std::byte* data_of(void* block) { return static_cast<std::byte*>(block) + CachingAllocator::kAlignment; }

void unmap(std::byte* data, std::size_t bytes) {
  if (bytes > 0) ENSURE(::munmap(data, bytes) == 0, bytes, errno);
}

}  // namespace

CachingAllocator::CachingAllocator(bool huge_pages) : huge_pages_(huge_pages) {}

CachingAllocator::~CachingAllocator() {
  trim_to(0);
  while (chunk_.begin != nullptr) {
    std::byte* const before = *reinterpret_cast<std::byte**>(chunk_.begin);
    unmap(chunk_.begin, kChunk);
    chunk_.begin = before;
  }
}

c10::DataPtr CachingAllocator::allocate(std::size_t bytes) {
  const c10::Device cpu(c10::DeviceType::CPU);
  if (bytes == 0) return {nullptr, nullptr, &CachingAllocator::release, cpu};
  const std::scoped_lock lock(mutex_);
  Block* block = bytes <= kMostBytes ? take(class_of(bytes)) : nullptr;
  if (block == nullptr) {
    throw Error(
        ExitCode::kOutOfMemory,
        fmt::format("out of memory: no room for a tensor of {}, {} of tensors in use; try a smaller micro-batch, "
                    "model or sequence length",
                    human_bytes(bytes), human_bytes(memory_.now)));
  }
  block->bytes = bytes;
  memory_.now += bytes;
  memory_.peak = std::max(memory_.peak, memory_.now);
  capacity_now_ += capacity_of(block->size_class);
  capacity_peak_ = std::max(capacity_peak_, capacity_now_);
  std::byte* const data = data_of(block);
  return {data, data, &CachingAllocator::release, cpu};
}

c10::DeleterFnPtr CachingAllocator::raw_deleter() const { return &CachingAllocator::release; }

void CachingAllocator::copy_data(void* to, const void* from, std::size_t bytes) const {
  default_copy_data(to, from, bytes);
}

void CachingAllocator::release(void* data) {
  if (data == nullptr) return;
  auto* const block = reinterpret_cast<Block*>(static_cast<std::byte*>(data) - kAlignment);
  CachingAllocator& self = *block->owner;
  const std::scoped_lock lock(self.mutex_);
  self.memory_.now -= block->bytes;
  self.capacity_now_ -= capacity_of(block->size_class);
  self.keep(block);
}

// A block of the class, from its free list or from the system; null where the system has no more.
CachingAllocator::Block* CachingAllocator::take(std::size_t size_class) {
  FreeList& list = free_.at(size_class);
  list.last_used = ++clock_;
  if (list.first == nullptr) return is_mapped_alone(size_class) ? map_block(size_class) : carve(size_class);
  Block* const block = list.first;
  list.first = block->next;
  return block;
}

void CachingAllocator::keep(Block* block) {
  FreeList& list = free_.at(block->size_class);
  block->next = list.first;
  list.first = block;
}

CachingAllocator::Block* CachingAllocator::new_block(std::byte* data, std::size_t size_class) {
  static_assert(sizeof(Block) <= kAlignment);
  return ::new (data - kAlignment) Block{.owner = this, .size_class = size_class};
}

CachingAllocator::Block* CachingAllocator::cut(std::size_t size_class) {
  Block* const block = new_block(chunk_.next + kAlignment, size_class);
  chunk_.next += kAlignment + capacity_of(size_class);
  chunk_.left -= kAlignment + capacity_of(size_class);
  return block;
}

// Cuts a small block off the chunk. What is left of a chunk that is too short becomes idle blocks of other classes.
CachingAllocator::Block* CachingAllocator::carve(std::size_t size_class) {
  if (chunk_.left < kAlignment + capacity_of(size_class)) {
    std::byte* const fresh = map(kChunk, 0);
    if (fresh == nullptr) return nullptr;
    while (chunk_.left > kAlignment) {
      const std::size_t room = chunk_.left - kAlignment;
      const std::size_t fitting = class_of(room);
      keep(cut(capacity_of(fitting) <= room ? fitting : fitting - 1));
    }
    *reinterpret_cast<std::byte**>(fresh) = chunk_.begin;
    chunk_ = {.next = fresh + kAlignment, .left = kChunk - kAlignment, .begin = fresh};
  }
  return cut(size_class);
}

CachingAllocator::Block* CachingAllocator::map_block(std::size_t size_class) {
  const std::size_t capacity = capacity_of(size_class);
  const std::uint64_t peak = std::max(capacity_peak_, capacity_now_ + capacity);
  const std::uint64_t most = peak + peak / 2 + kIdleFloor;
  trim_to(most - capacity - kPage);
  std::byte* const data = map(capacity, kPage);
  return data == nullptr ? nullptr : new_block(data, size_class);
}

// From the system, after giving back all that is idle if there is no room; null if there still is none. Aligned as the
// header says, with room in front of it.
std::byte* CachingAllocator::map(std::size_t bytes, std::size_t in_front) {
  const auto from_system = [](std::size_t length) {
    void* const data = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
  };
  const bool is_huge = bytes >= kHugeBlock;
  const std::size_t margin = is_huge ? kHugePage : 0;
  const std::size_t length = in_front + bytes;
  std::byte* begin = from_system(length + margin);
  if (begin == nullptr && trim_to(0) > 0) begin = from_system(length + margin);
  if (begin == nullptr) return nullptr;
  if (is_huge) {
    const std::size_t skipped = (kHugePage - (address(begin) + in_front) % kHugePage) % kHugePage;
    unmap(begin, skipped);
    begin += skipped;
    unmap(begin + length, margin - skipped);
    // Advice: a kernel without huge pages refuses it and nothing is lost.
    ::madvise(begin, length, huge_pages_ ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  }
  memory_.reserved += length;
  ++memory_.system_allocations;
  return begin + in_front;
}

// Gives the first idle block of the list back; how many bytes it had.
std::uint64_t CachingAllocator::unmap_idle(FreeList& list) {
  Block* const block = list.first;
  const std::size_t length = kPage + capacity_of(block->size_class);
  list.first = block->next;
  unmap(data_of(block) - kPage, length);
  memory_.reserved -= length;
  return length;
}

// Of the classes that have an idle block of its own mapping; null if none has.
CachingAllocator::FreeList* CachingAllocator::longest_unused() {
  FreeList* oldest = nullptr;
  for (auto list = free_.begin() + static_cast<std::ptrdiff_t>(class_of(kOwnMapping)); list != free_.end(); ++list) {
    if (list->first != nullptr && (oldest == nullptr || list->last_used < oldest->last_used)) oldest = &*list;
  }
  return oldest;
}

// Gives idle blocks back until no more than so much is reserved, or none is left.
std::uint64_t CachingAllocator::trim_to(std::uint64_t bytes) {
  std::uint64_t given_back = 0;
  while (memory_.reserved > bytes) {
    FreeList* const list = longest_unused();
    if (list == nullptr) break;
    given_back += unmap_idle(*list);
  }
  return given_back;
}

TensorMemory CachingAllocator::memory() const {
  const std::scoped_lock lock(mutex_);
  return memory_;
}

void CachingAllocator::reset_peak() {
  const std::scoped_lock lock(mutex_);
  memory_.peak = memory_.now;
}

std::uint64_t CachingAllocator::trim() {
  const std::scoped_lock lock(mutex_);
  capacity_peak_ = capacity_now_;
  return trim_to(0);
}

}  // namespace llmtrain
