#include "lib/ops/cpu/dropout_kernels.h"

#include <array>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

constexpr std::int64_t kLanes = 16;          // counters at a time
constexpr std::int64_t kBlock = 4 * kLanes;  // elements that their words decide

// Elements are numbered through the whole step; data are those from `origin` on.
template <class T>
struct Drop {
  const T* x = nullptr;
  T* y = nullptr;
  std::uint64_t origin = 0;
  std::uint64_t key = 0;
  std::uint32_t step = 0;
  std::uint32_t site = 0;
  std::uint32_t last_dropped = 0;  // words up to this one drop their element
  Compute<T> scale = 1;
};

LLMTRAIN_INLINE std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
LLMTRAIN_INLINE std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); }

// Philox4x32-10 as in lib/base/random.h, for kLanes counters in a row from `counter`, a multiple of kLanes, so that the
// carry into the high word is the same for all.
template <class T>
LLMTRAIN_INLINE void philox_block(const Drop<T>& d, std::uint64_t counter, std::uint32_t* words) {
  constexpr int kRounds = 10;
#pragma omp simd
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    std::uint32_t c0 = low(counter) + static_cast<std::uint32_t>(lane);
    std::uint32_t c1 = high(counter);
    std::uint32_t c2 = d.site;
    std::uint32_t c3 = d.step;
    std::uint32_t k0 = low(d.key);
    std::uint32_t k1 = high(d.key);
#pragma GCC unroll 10
    for (int round = 0; round < kRounds; ++round) {
      const std::uint64_t product0 = std::uint64_t{0xD2511F53} * c0;
      const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * c2;
      c0 = high(product1) ^ c1 ^ k0;
      c1 = low(product1);
      c2 = high(product0) ^ c3 ^ k1;
      c3 = low(product0);
      k0 += 0x9E3779B9;
      k1 += 0xBB67AE85;
    }
    words[4 * lane] = c0;
    words[4 * lane + 1] = c1;
    words[4 * lane + 2] = c2;
    words[4 * lane + 3] = c3;
  }
}

template <class T>
LLMTRAIN_INLINE void drop_body(const Drop<T>& d, std::uint64_t begin, std::uint64_t end) {
  alignas(64) std::array<std::uint32_t, kBlock> words;
  std::uint64_t element = d.origin + begin;
  const std::uint64_t last = d.origin + end;
  while (element < last) {
    const std::uint64_t block = element / kBlock * kBlock;
    const std::uint64_t stop = std::min<std::uint64_t>(last, block + kBlock);
    philox_block(d, block / 4, words.data());
    const std::uint32_t* word = words.data() + (element - block);
    const T* x = d.x + (element - d.origin);
    T* y = d.y + (element - d.origin);
    const auto count = static_cast<std::int64_t>(stop - element);
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) {
      store(y[i], word[i] > d.last_dropped ? load(x[i]) * d.scale : Compute<T>{0});
    }
    element = stop;
  }
}

LLMTRAIN_CLONES void drop_range(const Drop<float>& d, std::uint64_t begin, std::uint64_t end) {
  drop_body(d, begin, end);
}
LLMTRAIN_CLONES void drop_range(const Drop<double>& d, std::uint64_t begin, std::uint64_t end) {
  drop_body(d, begin, end);
}
LLMTRAIN_CLONES void drop_range(const Drop<c10::BFloat16>& d, std::uint64_t begin, std::uint64_t end) {
  drop_body(d, begin, end);
}

}  // namespace

at::Tensor dropout_apply(const at::Tensor& x, const DropoutStream& stream) {
  constexpr double kWords = 0x1p32;
  constexpr std::int64_t kGrain = 8192;
  ENSURE(stream.rate > 0 && stream.rate < 1, stream.rate);
  const at::Tensor input = x.contiguous();
  at::Tensor y = at::empty(input.sizes(), input.options());
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const Drop<T> drop = {
        .x = input.const_data_ptr<T>(),
        .y = y.mutable_data_ptr<T>(),
        .origin = stream.first_token * static_cast<std::uint64_t>(x.size(1)),
        .key = stream.key,
        .step = stream.step,
        .site = stream.site,
        .last_dropped = static_cast<std::uint32_t>(static_cast<std::uint64_t>(std::ceil(stream.rate * kWords)) - 1),
        .scale = static_cast<Compute<T>>(1 / (1 - stream.rate)),
    };
    at::parallel_for(0, input.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      drop_range(drop, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end));
    });
  });
  return y;
}

}  // namespace llmtrain
