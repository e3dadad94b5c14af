#include "lib/base/crc32c.h"

#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "lib/base/random.h"

namespace llmtrain {
namespace {

std::vector<std::byte> filled(std::size_t size, unsigned first, int step) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(static_cast<std::byte>(static_cast<int>(first) + step * static_cast<int>(i)));
  return bytes;
}

void expect_both(std::span<const std::byte> bytes, std::uint32_t crc) {
  EXPECT_EQ(crc32c(bytes), crc);
  EXPECT_EQ(crc32c_portable(bytes), crc);
}

// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRCs (CRC-32/ISCSI).
TEST(Crc32c, GivesThePublishedValues) {
  expect_both({}, 0);
  expect_both(filled(32, 0x00, 0), 0x8A9136AA);
  expect_both(filled(32, 0xFF, 0), 0x62A8AB43);
  expect_both(filled(32, 0x00, 1), 0x46DD794E);
  expect_both(filled(32, 0x1F, -1), 0x113FDB5C);
  constexpr std::string_view kDigits = "123456789";
  expect_both(std::as_bytes(std::span(kDigits.data(), kDigits.size())), 0xE3069283);
}

TEST(Crc32c, AgreesWithTheDefinitionBitByBitAtEveryLengthClass) {
  RandomStream random(7, "crc32c");
  std::vector<std::byte> bytes(3 * 8192 * 2 + 3 * 256 + 21);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next_u32());
  for (const std::size_t size : {1U, 7U, 8U, 9U, 767U, 768U, 777U, 24575U, 24576U, 24577U, 25344U, 49941U}) {
    for (const std::size_t start : {0U, 1U}) {
      if (start + size > bytes.size()) continue;
      const auto part = std::span(bytes).subspan(start, size);
      std::uint32_t crc = 0xFFFFFFFF;
      for (const std::byte byte : part) {
        crc ^= static_cast<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
      }
      SCOPED_TRACE(size);
      expect_both(part, ~crc);
    }
  }
}

TEST(Crc32c, GoesOnWithAStream) {
  const auto bytes = filled(32, 0x00, 1);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    const auto first = std::span(bytes).first(cut);
    const auto rest = std::span(bytes).subspan(cut);
    EXPECT_EQ(crc32c(rest, crc32c(first)), 0x46DD794EU);
    EXPECT_EQ(crc32c_portable(rest, crc32c_portable(first)), 0x46DD794EU);
  }
}

}  // namespace
}  // namespace llmtrain
