#include "lib/ops/cpu/dropout_kernels.h"

#include <array>
#include <cmath>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include "lib/ops/cpu/philox_words.h"
#include "lib/ops/cpu/simd.h"

namespace llmtrain {
namespace {

template <class T>
struct Drop {
  const T* x = nullptr;
  T* y = nullptr;
  Compute<T> scale = 1;
  std::uint32_t last_dropped = 0;  // words up to this one drop their element
  PhiloxWords words = nullptr;
  PhiloxStream stream;
  std::uint64_t origin = 0;  // the number of x's first element among all of the step
};

template <class T>
LLMTRAIN_INLINE void drop_body(const Drop<T>& d, std::int64_t begin, std::int64_t count, const std::uint32_t* words) {
  const T* x = d.x + begin;
  T* y = d.y + begin;
  const std::uint32_t last_dropped = d.last_dropped;
  const Compute<T> scale = d.scale;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(y[i], words[i] > last_dropped ? load(x[i]) * scale : Compute<T>{0});
  }
}

LLMTRAIN_CLONES void drop(const Drop<float>& d, std::int64_t begin, std::int64_t count, const std::uint32_t* words) {
  drop_body(d, begin, count, words);
}
LLMTRAIN_CLONES void drop(const Drop<double>& d, std::int64_t begin, std::int64_t count, const std::uint32_t* words) {
  drop_body(d, begin, count, words);
}
LLMTRAIN_CLONES void drop(const Drop<c10::BFloat16>& d, std::int64_t begin, std::int64_t count,
                          const std::uint32_t* words) {
  drop_body(d, begin, count, words);
}

// Asks for elements that are needed when their words are there: the processor's own foresight is lost between the two
// loops, and waiting took two thirds of the time.
template <class T>
void fetch(const Drop<T>& d, std::int64_t begin, std::int64_t count) {
  constexpr auto kLine = static_cast<std::int64_t>(64 / sizeof(T));
  for (std::int64_t i = begin; i < begin + count; i += kLine) {
    __builtin_prefetch(d.x + i);
    __builtin_prefetch(d.y + i, /*write=*/1);
  }
}

// Elements begin to end of x.
template <class T>
void drop_range(const Drop<T>& d, std::int64_t begin, std::int64_t end) {
  constexpr std::uint64_t kElements = 4 * kPhiloxCounters;
  alignas(64) std::array<std::uint32_t, kElements> words;
  while (begin < end) {
    const std::uint64_t element = d.origin + static_cast<std::uint64_t>(begin);
    const std::uint64_t inside = element % kElements;
    const std::int64_t count = std::min(end - begin, static_cast<std::int64_t>(kElements - inside));
    fetch(d, begin, count);
    d.words(d.stream, (element - inside) / 4, words.data());
    drop(d, begin, count, words.data() + inside);
    begin += count;
  }
}

}  // namespace

at::Tensor dropout_apply(const at::Tensor& x, const DropoutStream& stream) {
  constexpr double kWords = 0x1p32;
  constexpr std::int64_t kGrain = 8192;
  ENSURE(stream.rate > 0 && stream.rate < 1, stream.rate);
  const at::Tensor input = x.contiguous();
  at::Tensor y = at::empty(input.sizes(), input.options());
  const PhiloxWords words = philox_kernels().front().words;
  with_float_type(input.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const Drop<T> work = {
        .x = input.const_data_ptr<T>(),
        .y = y.mutable_data_ptr<T>(),
        .scale = static_cast<Compute<T>>(1 / (1 - stream.rate)),
        .last_dropped = static_cast<std::uint32_t>(static_cast<std::uint64_t>(std::ceil(stream.rate * kWords)) - 1),
        .words = words,
        .stream = {.key = stream.key, .site = stream.site, .step = stream.step},
        .origin = stream.first_token * static_cast<std::uint64_t>(x.size(1)),
    };
    at::parallel_for(0, input.numel(), kGrain,
                     [&](std::int64_t begin, std::int64_t end) { drop_range(work, begin, end); });
  });
  return y;
}

}  // namespace llmtrain
