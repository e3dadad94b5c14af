#include "lib/data/sample_order.h"

#include <bit>

#include "lib/base/error.h"
#include "lib/base/random.h"

namespace llmtrain {
namespace {

constexpr std::uint32_t kRounds = 10;

std::uint32_t low32(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
std::uint32_t high32(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32U); }
std::uint32_t mask(unsigned bits) { return low32((std::uint64_t{1} << bits) - 1); }

}  // namespace

SampleOrder::SampleOrder(std::uint64_t seed, std::string_view purpose, std::uint64_t count)
    : key_(stream_key(seed, purpose)), count_(count) {
  ENSURE(count >= 1, count);
  const auto bits = static_cast<unsigned>(std::bit_width(count - 1));
  low_bits_ = bits / 2;
  high_bits_ = bits - low_bits_;
}

std::uint64_t SampleOrder::at(std::uint64_t epoch, std::uint64_t place) const {
  ENSURE(place < count_, place, count_);
  std::uint64_t value = encrypt(epoch, place);
  while (value >= count_) value = encrypt(epoch, value);
  return value;
}

// The halves differ by a bit where the width is odd: they are changed in turn instead of being swapped.
std::uint64_t SampleOrder::encrypt(std::uint64_t epoch, std::uint64_t value) const {
  std::uint32_t low = low32(value) & mask(low_bits_);
  std::uint32_t high = low32(value >> low_bits_) & mask(high_bits_);
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const bool changes_high = round % 2 == 0;
    const std::uint32_t other = changes_high ? low : high;
    const std::uint32_t noise = philox4x32({other, round, low32(epoch), high32(epoch)}, {low32(key_), high32(key_)})[0];
    if (changes_high) {
      high ^= noise & mask(high_bits_);
    } else {
      low ^= noise & mask(low_bits_);
    }
  }
  return (std::uint64_t{high} << low_bits_) | low;
}

}  // namespace llmtrain
