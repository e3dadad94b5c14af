#include "lib/ops/cpu/philox_words.h"

#include "lib/base/random.h"

#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)
#include <immintrin.h>
#define LLMTRAIN_PHILOX_VECTORS
#endif

// By hand, for no compiler finds it: a state word stands in the low half of a 64-bit lane and the high half may hold
// anything, since the vector multiplication takes low halves alone. A round is then two products, two shifts and two
// exclusive ors, without a shuffle.
namespace llmtrain {
namespace {

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); }

#ifdef LLMTRAIN_PHILOX_VECTORS
constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

struct State512 {
  __m512i c0, c1, c2, c3;
};
struct State256 {
  __m256i c0, c1, c2, c3;
};

__attribute__((target("arch=x86-64-v4"))) void avx512_words(const PhiloxStream& s, std::uint64_t first,
                                                            std::uint32_t* words) {
  constexpr __mmask8 kAll = 0xFF;  // unmasked, GCC 12 sees uninitialized values in its own header (bug 105593)
  constexpr std::int64_t kLanes = 8;
  constexpr std::int64_t kGroups = 4;  // independent, so that the units always have work
  // Lanes in this order come out of the unpacking below in the order of counters.
  const __m512i order = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
  const __m512i multiplier0 = _mm512_set1_epi64(kMultiplier0);
  const __m512i multiplier1 = _mm512_set1_epi64(kMultiplier1);
  const __m512i low_half = _mm512_set1_epi64(0xFFFFFFFF);
  for (std::int64_t start = 0; start < kPhiloxCounters; start += kGroups * kLanes) {
    State512 state[kGroups];
    for (std::int64_t g = 0; g < kGroups; ++g) {
      const std::uint32_t base = low(first) + static_cast<std::uint32_t>(start + g * kLanes);
      state[g].c0 = _mm512_add_epi64(_mm512_set1_epi64(base), order);
      state[g].c1 = _mm512_set1_epi64(high(first));
      state[g].c2 = _mm512_set1_epi64(s.site);
      state[g].c3 = _mm512_set1_epi64(s.step);
    }
    std::uint32_t key0 = low(s.key);
    std::uint32_t key1 = high(s.key);
    for (int round = 0; round < kRounds; ++round) {
      const __m512i k0 = _mm512_set1_epi64(key0);
      const __m512i k1 = _mm512_set1_epi64(key1);
      for (std::int64_t g = 0; g < kGroups; ++g) {
        const __m512i product0 = _mm512_maskz_mul_epu32(kAll, state[g].c0, multiplier0);
        const __m512i product1 = _mm512_maskz_mul_epu32(kAll, state[g].c2, multiplier1);
        state[g].c0 = _mm512_xor_si512(_mm512_xor_si512(_mm512_maskz_srli_epi64(kAll, product1, 32), state[g].c1), k0);
        state[g].c1 = product1;
        state[g].c2 = _mm512_xor_si512(_mm512_xor_si512(_mm512_maskz_srli_epi64(kAll, product0, 32), state[g].c3), k1);
        state[g].c3 = product0;
      }
      key0 += kWeyl0;
      key1 += kWeyl1;
    }
    for (std::int64_t g = 0; g < kGroups; ++g) {
      const __m512i pair0 =
          _mm512_or_si512(_mm512_and_si512(state[g].c0, low_half), _mm512_maskz_slli_epi64(kAll, state[g].c1, 32));
      const __m512i pair1 =
          _mm512_or_si512(_mm512_and_si512(state[g].c2, low_half), _mm512_maskz_slli_epi64(kAll, state[g].c3, 32));
      std::uint32_t* out = words + 4 * (start + g * kLanes);
      _mm512_store_si512(out, _mm512_maskz_unpacklo_epi64(kAll, pair0, pair1));
      _mm512_store_si512(out + 16, _mm512_maskz_unpackhi_epi64(kAll, pair0, pair1));
    }
  }
}

__attribute__((target("arch=x86-64-v3"))) void avx2_words(const PhiloxStream& s, std::uint64_t first,
                                                          std::uint32_t* words) {
  constexpr std::int64_t kLanes = 4;
  constexpr std::int64_t kGroups = 2;
  const __m256i order = _mm256_setr_epi64x(0, 2, 1, 3);
  const __m256i multiplier0 = _mm256_set1_epi64x(kMultiplier0);
  const __m256i multiplier1 = _mm256_set1_epi64x(kMultiplier1);
  for (std::int64_t start = 0; start < kPhiloxCounters; start += kGroups * kLanes) {
    State256 state[kGroups];
    for (std::int64_t g = 0; g < kGroups; ++g) {
      const std::uint32_t base = low(first) + static_cast<std::uint32_t>(start + g * kLanes);
      state[g].c0 = _mm256_add_epi64(_mm256_set1_epi64x(base), order);
      state[g].c1 = _mm256_set1_epi64x(high(first));
      state[g].c2 = _mm256_set1_epi64x(s.site);
      state[g].c3 = _mm256_set1_epi64x(s.step);
    }
    std::uint32_t key0 = low(s.key);
    std::uint32_t key1 = high(s.key);
    for (int round = 0; round < kRounds; ++round) {
      const __m256i k0 = _mm256_set1_epi64x(key0);
      const __m256i k1 = _mm256_set1_epi64x(key1);
      for (std::int64_t g = 0; g < kGroups; ++g) {
        const __m256i product0 = _mm256_mul_epu32(state[g].c0, multiplier0);
        const __m256i product1 = _mm256_mul_epu32(state[g].c2, multiplier1);
        state[g].c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product1, 32), state[g].c1), k0);
        state[g].c1 = product1;
        state[g].c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product0, 32), state[g].c3), k1);
        state[g].c3 = product0;
      }
      key0 += kWeyl0;
      key1 += kWeyl1;
    }
    for (std::int64_t g = 0; g < kGroups; ++g) {
      const __m256i pair0 = _mm256_blend_epi32(state[g].c0, _mm256_slli_epi64(state[g].c1, 32), 0xAA);
      const __m256i pair1 = _mm256_blend_epi32(state[g].c2, _mm256_slli_epi64(state[g].c3, 32), 0xAA);
      auto* out = reinterpret_cast<__m256i*>(words + 4 * (start + g * kLanes));
      _mm256_store_si256(out, _mm256_unpacklo_epi64(pair0, pair1));
      _mm256_store_si256(out + 1, _mm256_unpackhi_epi64(pair0, pair1));
    }
  }
}

#endif

// One counter at a time.
void plain_words(const PhiloxStream& s, std::uint64_t first, std::uint32_t* words) {
  for (std::int64_t i = 0; i < kPhiloxCounters; ++i) {
    const std::uint32_t counter = low(first) + static_cast<std::uint32_t>(i);
    const auto block = philox4x32({counter, high(first), s.site, s.step}, {low(s.key), high(s.key)});
    for (std::size_t word = 0; word < block.size(); ++word)
      words[4 * i + static_cast<std::int64_t>(word)] = block[word];
  }
}

}  // namespace

std::vector<PhiloxKernel> philox_kernels() {
  std::vector<PhiloxKernel> kernels;
#ifdef LLMTRAIN_PHILOX_VECTORS
  if (__builtin_cpu_supports("x86-64-v4")) kernels.push_back({"avx512", avx512_words});
  if (__builtin_cpu_supports("x86-64-v3")) kernels.push_back({"avx2", avx2_words});
#endif
  kernels.push_back({"plain", plain_words});
  return kernels;
}

}  // namespace llmtrain
