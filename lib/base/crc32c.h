#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace llmtrain {

// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of bytes. To go on with a stream give what came out before:
// crc32c(b, crc32c(a)) is the CRC of a followed by b. Finds every single flipped bit and every burst up to 32 bits.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t crc = 0);

// The same without the processor's instruction: what crc32c takes where there is none, and its reference in tests.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t crc = 0);

}  // namespace llmtrain
