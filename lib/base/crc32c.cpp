#include "lib/base/crc32c.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace llmtrain {
namespace {

static_assert(std::endian::native == std::endian::little, "the word-wise loops take the first byte as the lowest");

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // 0x1EDC6F41, bits reversed
using Table = std::array<std::uint32_t, 256>;

// kTables[k][v]: what byte v does to the register once k more zero bytes have passed ("slicing by eight").
constexpr std::array<Table, 8> make_tables() {
  std::array<Table, 8> tables{};
  for (std::uint32_t value = 0; value < 256; ++value) {
    std::uint32_t crc = value;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0);
    tables[0][value] = crc;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t value = 0; value < 256; ++value) {
      const std::uint32_t before = tables[k - 1][value];
      tables[k][value] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}
constexpr std::array<Table, 8> kTables = make_tables();

std::uint64_t load(const std::byte* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof(word));
  return word;
}

// On the register as it is inside, without the inversions at both ends.
std::uint32_t update_portable(std::span<const std::byte> bytes, std::uint32_t crc) {
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load(at) ^ crc;
    crc = 0;
    for (unsigned k = 0; k < 8; ++k) crc ^= kTables[7 - k][(word >> (8 * k)) & 0xFFU];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8U) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xFFU];
  return crc;
}

#if defined(__x86_64__)

// A linear map of the register over GF(2): column i is the image of bit i.
using BitMatrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t apply(const BitMatrix& matrix, std::uint32_t value) {
  std::uint32_t image = 0;
  for (std::size_t i = 0; i < 32; ++i) image ^= ((value >> i) & 1U) != 0 ? matrix[i] : 0;
  return image;
}

// The register after 2^log2_bytes zero bytes, by table a byte of the register.
struct ZeroBytes {
  std::array<Table, 4> tables{};
  constexpr explicit ZeroBytes(int log2_bytes) {
    BitMatrix matrix{};  // one zero bit
    matrix[0] = kPolynomial;
    for (std::size_t i = 1; i < 32; ++i) matrix[i] = std::uint32_t{1} << (i - 1);
    for (int doubling = 0; doubling < log2_bytes + 3; ++doubling) {
      BitMatrix squared{};
      for (std::size_t i = 0; i < 32; ++i) squared[i] = apply(matrix, matrix[i]);
      matrix = squared;
    }
    for (std::uint32_t value = 0; value < 256; ++value) {
      for (std::uint32_t k = 0; k < 4; ++k) tables[k][value] = apply(matrix, value << (8 * k));
    }
  }
  std::uint32_t operator()(std::uint32_t crc) const {
    return tables[0][crc & 0xFFU] ^ tables[1][(crc >> 8U) & 0xFFU] ^ tables[2][(crc >> 16U) & 0xFFU] ^
           tables[3][crc >> 24U];
  }
};

constexpr int kLongBlock = 13;  // log2 of bytes a stream
constexpr int kShortBlock = 8;
constexpr ZeroBytes kAfterLongBlock(kLongBlock);
constexpr ZeroBytes kAfterShortBlock(kShortBlock);

// The instruction takes three cycles but one can start each cycle, so three streams run side by side and are joined.
template <int log2_bytes>
__attribute__((target("sse4.2"))) std::span<const std::byte> update_in_streams(std::span<const std::byte> bytes,
                                                                               std::uint64_t& crc,
                                                                               const ZeroBytes& after_block) {
  constexpr std::size_t kBlock = std::size_t{1} << log2_bytes;
  while (bytes.size() >= 3 * kBlock) {
    const std::byte* at = bytes.data();
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (const std::byte* const end = at + kBlock; at != end; at += 8) {
      crc = _mm_crc32_u64(crc, load(at));
      second = _mm_crc32_u64(second, load(at + kBlock));
      third = _mm_crc32_u64(third, load(at + 2 * kBlock));
    }
    crc = after_block(static_cast<std::uint32_t>(crc)) ^ second;
    crc = after_block(static_cast<std::uint32_t>(crc)) ^ third;
    bytes = bytes.subspan(3 * kBlock);
  }
  return bytes;
}

__attribute__((target("sse4.2"))) std::uint32_t update_sse42(std::span<const std::byte> bytes, std::uint32_t start) {
  std::uint64_t crc = start;
  bytes = update_in_streams<kLongBlock>(bytes, crc, kAfterLongBlock);
  bytes = update_in_streams<kShortBlock>(bytes, crc, kAfterShortBlock);
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) crc = _mm_crc32_u64(crc, load(bytes.data()));
  for (const std::byte byte : bytes) {
    crc = _mm_crc32_u8(static_cast<std::uint32_t>(crc), std::to_integer<unsigned char>(byte));
  }
  return static_cast<std::uint32_t>(crc);
}

#endif

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2") != 0;
  if (has_sse42) return ~update_sse42(bytes, ~crc);
#endif
  return crc32c_portable(bytes, crc);
}

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t crc) {
  return ~update_portable(bytes, ~crc);
}

}  // namespace llmtrain
