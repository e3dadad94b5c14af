#include "lib/interop/float_formats.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace llmtrain {
namespace {

// By hand: bfloat16 has 7 bits of fraction, so between 1 and 2 its steps are 2^-7.
TEST(ToBfloat16, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(to_bfloat16(1.0F), 0x3F80);
  EXPECT_EQ(to_bfloat16(-2.5F), 0xC020);
  EXPECT_EQ(to_bfloat16(1.0F + 0x1p-8F), 0x3F80);             // halfway to 1 + 2^-7: the even one is below
  EXPECT_EQ(to_bfloat16(1.0F + 0x1p-8F + 0x1p-23F), 0x3F81);  // just above
  EXPECT_EQ(to_bfloat16(1.0F + 0x3p-8F), 0x3F82);             // halfway: the even one is above
  EXPECT_EQ(to_bfloat16(1.0F + 0x3p-8F - 0x1p-23F), 0x3F81);
  EXPECT_EQ(to_bfloat16(std::nextafter(2.0F, 0.0F)), 0x4000);  // carries into the exponent
  EXPECT_EQ(to_bfloat16(0x1p-133F), 0x0001);                   // the least subnormal
  EXPECT_EQ(to_bfloat16(-0.0F), 0x8000);
}

TEST(ToBfloat16, KeepsWhatIsNotFinite) {
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(to_bfloat16(-std::numeric_limits<float>::infinity()), 0xFF80);
  // One bit set, low: cut off it would be infinity.
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::bit_cast<float>(0x7F800001U)))));
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(std::bit_cast<float>(0xFFFFFFFFU)))));
}

TEST(FromBfloat16, IsUndoneByRounding) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = from_bfloat16(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_bfloat16(value), bits);
  }
}

// IEEE 754 binary16: 5 bits of exponent with bias 15, 10 of fraction.
TEST(FromFloat16, IsExact) {
  EXPECT_EQ(from_float16(0x3C00), 1.0F);
  EXPECT_EQ(from_float16(0xC100), -2.5F);
  EXPECT_EQ(from_float16(0x3555), 1365.0F / 4096.0F);
  EXPECT_EQ(from_float16(0x7BFF), 65504.0F);
  EXPECT_EQ(from_float16(0x0400), 0x1p-14F);
  EXPECT_EQ(from_float16(0x03FF), 1023 * 0x1p-24F);
  EXPECT_EQ(from_float16(0x8001), -0x1p-24F);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(from_float16(0x8000)), 0x80000000U);
  EXPECT_EQ(from_float16(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(from_float16(0x7E01)));
}

}  // namespace
}  // namespace llmtrain
