#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace llmtrain {

// Which numbers of lib/base/random.h's philox4x32: counters {low, high of a counter, site, step}.
struct PhiloxStream {
  std::uint64_t key = 0;
  std::uint32_t site = 0;
  std::uint32_t step = 0;
};

// Counters taken at a time: the first must be a multiple of it, so that the carry into the high word is the same for
// all of them.
constexpr std::int64_t kPhiloxCounters = 64;

// words: the four words of each of kPhiloxCounters counters from `first` on, in their order; 64-byte aligned.
using PhiloxWords = void (*)(const PhiloxStream& stream, std::uint64_t first, std::uint32_t* words);

struct PhiloxKernel {
  std::string_view name;
  PhiloxWords words = nullptr;
};

// Those that this processor can run, the fastest first; all give the same words.
std::vector<PhiloxKernel> philox_kernels();

}  // namespace llmtrain
