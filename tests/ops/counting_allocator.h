#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>

#include <c10/core/CPUAllocator.h>

namespace llmtrain {

// Counts the bytes of tensors while it lives, in front of the allocator that was there; for one thread.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, kPriority); }
  CountingAllocator(const CountingAllocator&) = delete;
  CountingAllocator& operator=(const CountingAllocator&) = delete;
  ~CountingAllocator() override { c10::SetCPUAllocator(before_, kPriority); }

  void reset() { *counts_ = {}; }
  std::int64_t peak() const { return counts_->peak; }  // most bytes at a time since reset(), of what came since

  c10::DataPtr allocate(std::size_t bytes) override {
    auto* block = new Block{before_->allocate(bytes), counts_, static_cast<std::int64_t>(bytes)};
    counts_->now += block->bytes;
    counts_->peak = std::max(counts_->peak, counts_->now);
    return {block->memory.get(), block, &CountingAllocator::release, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static constexpr std::uint8_t kPriority = 255;
  struct Counts {
    std::int64_t now = 0;
    std::int64_t peak = 0;
  };
  struct Block {
    c10::DataPtr memory;
    std::shared_ptr<Counts> counts;  // a tensor may outlive the allocator
    std::int64_t bytes;
  };
  static void release(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    block->counts->now -= block->bytes;
  }

  c10::Allocator* before_;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace llmtrain
