#include "lib/base/random.h"

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// SplitMix64's finaliser (Steele et al. 2014).
std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); }

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr int kRounds = 10;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1), high(product0) ^ counter[3] ^ key[1],
               low(product0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

std::uint64_t stream_key(std::uint64_t seed, std::string_view purpose) {
  std::uint64_t key = mix(seed);
  for (const char c : purpose) key = mix(key ^ static_cast<unsigned char>(c));
  return mix(key ^ purpose.size());
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view purpose, std::uint64_t step, std::uint32_t sample) {
  const std::uint64_t key = stream_key(seed, purpose);
  key_ = {low(key), high(key)};
  counter_ = {0, sample, low(step), high(step)};
}

std::uint32_t RandomStream::next_u32() {
  if (used_ == block_.size()) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    ENSURE(counter_[0] != 0);  // 2^34 numbers of one (step, sample)
    used_ = 0;
  }
  return block_.at(used_++);
}

std::uint64_t RandomStream::next_u64() {
  const std::uint64_t first = next_u32();
  return first | (std::uint64_t{next_u32()} << 32U);
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  ENSURE(bound >= 1);
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t threshold = -bound % bound;
  while (true) {
    const Wide product = static_cast<Wide>(next_u64()) * bound;
    if (static_cast<std::uint64_t>(product) >= threshold) return static_cast<std::uint64_t>(product >> 64U);
  }
}

double RandomStream::uniform() { return static_cast<double>(next_u64() >> 11U) * 0x1.0p-53; }

}  // namespace llmtrain
