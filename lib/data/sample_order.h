#pragma once
#include <cstdint>
#include <string_view>

namespace llmtrain {

// A random order of `count` things, of which any place can be asked at once: nothing is stored, so memory is constant
// and going on from the middle is exact. A Feistel network (Luby and Rackoff 1988) whose round function is Philox, on
// the smallest power of two that holds `count`; results beyond it walk on along their cycle (Black and Rogaway 2002),
// which takes two applications on average at most.
class SampleOrder {
 public:
  // seed and purpose name the order; count: at least 1.
  SampleOrder(std::uint64_t seed, std::string_view purpose, std::uint64_t count);

  // Which thing stands at `place` (< count) in `epoch`. For every epoch a bijection of [0, count).
  std::uint64_t at(std::uint64_t epoch, std::uint64_t place) const;
  std::uint64_t count() const { return count_; }

 private:
  std::uint64_t encrypt(std::uint64_t epoch, std::uint64_t value) const;

  std::uint64_t key_;
  std::uint64_t count_;
  unsigned low_bits_;
  unsigned high_bits_;
};

}  // namespace llmtrain
