#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace llmtrain {

// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a bijection of the counter under
// the key. Stateless, so any number of any stream is available at once, in any order, on any thread.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// One named stream of numbers: the same (seed, purpose, step, sample) gives the same numbers everywhere. Distinct
// purposes ("dropout", "sample_order", ...) give independent streams. Two coordinates say where in training we are.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t step = 0, std::uint32_t sample = 0);

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  // Uniform in [0, bound), without bias (Lemire 2019). bound >= 1.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1), 53 bits.
  double uniform();

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
};

// A fixed 64-bit hash of (seed, purpose): the key of a stream, for code that calls philox4x32 itself.
std::uint64_t stream_key(std::uint64_t seed, std::string_view purpose);

}  // namespace llmtrain
