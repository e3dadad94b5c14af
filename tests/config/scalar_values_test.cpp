#include "lib/config/scalar_values.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace llmtrain {
namespace {

using testing::HasSubstr;

TEST(ParseInteger, TakesDecimalExponentAndUnits) {
  const std::vector<std::pair<std::string, std::int64_t>> cases = {
      {"0", 0},
      {"-0", 0},
      {"42", 42},
      {"-42", -42},
      {"+5", 5},
      {"1e6", 1'000'000},
      {"1E+3", 1000},
      {"1.5e1", 15},
      {"12e-1k", 1200},
      {"64k", 64'000},
      {"64K", 64'000},
      {"20M", 20'000'000},
      {"1.5B", 1'500'000'000},
      {"1.5G", 1'500'000'000},
      {"2T", 2'000'000'000'000},
      {"64Ki", 65'536},
      {"0.5Ki", 512},
      {"1Mi", 1'048'576},
      {"1Gi", 1'073'741'824},
      {"1Ti", 1'099'511'627'776},
      {"1.50k", 1500},
      {".5k", 500},
      {"5.", 5},
      {"1.00000000000000000000000000000000000000000000000k", 1000},
      {"0e99999999999999999999", 0},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(parse_integer(text).value, value) << text;
}

TEST(ParseInteger, RefusesWhatIsNotWhole) {
  for (const char* text : {"1.5", "1.0001k1", "1.00001k", "1e-1", "3e-4", "0.3Ki",
                           "1.0000000000000000000000000000000000000000000000000001k"}) {
    EXPECT_FALSE(parse_integer(text).value) << text;
  }
  EXPECT_EQ(parse_integer("1.00001k").hint, "not a whole number");
  EXPECT_EQ(parse_integer("1.0000000000000000000000000000000000000000000000001k").hint, "not a whole number");
}

TEST(ParseInteger, RefusesOverflow) {
  for (const char* text : {"9223372036854775808", "-9223372036854775809", "1e19", "1e300", "1e999999999999",
                           "10000000T", "9007199254740992Ti", "99999999999999999999999999999999999999999999"}) {
    const auto parsed = parse_integer(text);
    EXPECT_FALSE(parsed.value) << text;
    EXPECT_THAT(parsed.hint, HasSubstr("9223372036854775807")) << text;
  }
}

// YAML 1.1 reads 010 as 8; to us it is a mistake with a name.
TEST(ParseInteger, NamesOtherBasesAndGroups) {
  EXPECT_THAT(parse_integer("010").hint, HasSubstr("write 10"));
  EXPECT_THAT(parse_integer("08").hint, HasSubstr("write 8"));
  EXPECT_THAT(parse_integer("000").hint, HasSubstr("write 0"));
  EXPECT_THAT(parse_integer("0x10").hint, HasSubstr("write 16"));
  EXPECT_THAT(parse_integer("0o7").hint, HasSubstr("write 7"));
  EXPECT_THAT(parse_integer("0b101").hint, HasSubstr("write 5"));
  EXPECT_THAT(parse_integer("1_000").hint, HasSubstr("write 1000"));
  EXPECT_THAT(parse_integer("1,000").hint, HasSubstr("write 1000"));
  EXPECT_THAT(parse_integer("5m").hint, HasSubstr("write M"));
  for (const char* text : {"010", "08", "0x10", "0o7", "0b101", "1_000", "1,000", "5m"}) {
    EXPECT_FALSE(parse_integer(text).value) << text;
    EXPECT_FALSE(parse_number(text).value) << text;
  }
}

TEST(ParseNumber, RefusesWhatIsNoNumber) {
  for (const char* text : {"",    " ", "abc", "-",   "+",  ".",  "e5",  "1e",  "1e+", "1.2.3",       "1 000",
                           "5 k", "k", "--5", "+-5", "1d", "0x", "5kk", "1;2", "5\n", "\xEF\xBC\x95"}) {
    EXPECT_FALSE(parse_number(text).value) << text;
    EXPECT_FALSE(parse_integer(text).value) << text;
  }
}

TEST(ParseNumber, RefusesInfinityAndNan) {
  for (const char* text : {".inf", "-.inf", ".Inf", ".NAN", "inf", "nan", "Infinity"}) {
    EXPECT_FALSE(parse_number(text).value) << text;
    EXPECT_EQ(parse_number(text).hint, "numbers are finite") << text;
  }
  for (const char* text : {"1e309", "1e-400", "1e999999999999", "1e305T"})
    EXPECT_FALSE(parse_number(text).value) << text;
}

// Correctly rounded: the text is scaled as a decimal, not multiplied as a double. 0.1e-3 * 1000 in doubles is not 0.1.
TEST(ParseNumber, ScalesUnitsExactly) {
  EXPECT_EQ(parse_number("3e-4").value, 3e-4);
  EXPECT_EQ(parse_number("1e6").value, 1e6);
  EXPECT_EQ(parse_number("4.35k").value, 4350.0);
  EXPECT_EQ(parse_number("1.1B").value, 1.1e9);
  EXPECT_EQ(parse_number("1.5Ki").value, 1536.0);
  EXPECT_FALSE(std::signbit(parse_number("-0").value.value()));
}

TEST(ParseBytes, TakesUnitsOfBothKinds) {
  EXPECT_EQ(parse_bytes("1024").value, Bytes{1024});
  EXPECT_EQ(parse_bytes("7B").value, Bytes{7});
  EXPECT_EQ(parse_bytes("8GiB").value, Bytes{8589934592});
  EXPECT_EQ(parse_bytes("8 GiB").value, Bytes{8589934592});
  EXPECT_EQ(parse_bytes("512MB").value, Bytes{512000000});
  EXPECT_EQ(parse_bytes("1.5kB").value, Bytes{1500});
  EXPECT_EQ(parse_bytes("0.5KiB").value, Bytes{512});
}

TEST(ParseBytes, AsksWhichKindIsMeant) {
  EXPECT_THAT(parse_bytes("8G").hint, HasSubstr("write 8GiB (powers of 1024) or 8GB"));
  EXPECT_THAT(parse_bytes("8mb").hint, HasSubstr("write 8MiB"));
  for (const char* text :
       {"8G", "8k", "8Ki", "8gb", "8XB", "GiB", "", "8GiBs", "1.5", "30m", "9EB", "10000000TB", "-1B"}) {
    EXPECT_FALSE(parse_bytes(text).value) << text;
  }
}

TEST(ParseDuration, AddsItsParts) {
  EXPECT_EQ(parse_duration("30m").value, Duration{1800});
  EXPECT_EQ(parse_duration("2h").value, Duration{7200});
  EXPECT_EQ(parse_duration("45s").value, Duration{45});
  EXPECT_EQ(parse_duration("1h30m").value, Duration{5400});
  EXPECT_EQ(parse_duration("1h05m").value, Duration{3900});
  EXPECT_EQ(parse_duration("1d").value, Duration{86400});
  EXPECT_EQ(parse_duration("1d2h3m4s").value, Duration{93784});
  EXPECT_EQ(parse_duration("1.5h").value, Duration{5400});
  EXPECT_EQ(parse_duration("0.25s").value, Duration{0.25});
  EXPECT_EQ(parse_duration("0s").value, Duration{0});
}

TEST(ParseDuration, RefusesMissingRepeatedAndMisorderedUnits) {
  EXPECT_THAT(parse_duration("30").hint, HasSubstr("write a unit: 30s, 30m, 30h"));
  for (const char* text : {"", "30", "m", "30m1h", "1h2h", "30 m", "1h 30m", "-5m", "+5m", "5x", "1e3s", "1h30", "h5",
                           "1..5h", ".h", "5ms", "09h", "1h-5m"}) {
    EXPECT_FALSE(parse_duration(text).value) << text;
  }
}

TEST(ParseBool, TakesTrueAndFalseOnly) {
  EXPECT_EQ(parse_bool("true").value, true);
  EXPECT_EQ(parse_bool("false").value, false);
  for (const char* text : {"yes", "on", "True", "TRUE", "y", "1"}) {
    EXPECT_FALSE(parse_bool(text).value) << text;
    EXPECT_EQ(parse_bool(text).hint, "write true") << text;
  }
  for (const char* text : {"no", "off", "False", "N", "0"}) EXPECT_EQ(parse_bool(text).hint, "write false") << text;
  EXPECT_EQ(parse_bool("maybe").hint, "");
}

TEST(ParseAutoCount, TakesAutoAndPositiveIntegers) {
  EXPECT_EQ(parse_auto_count("auto").value, AutoCount{});
  EXPECT_TRUE(parse_auto_count("auto").value.value().automatic());
  EXPECT_EQ(parse_auto_count("1").value, AutoCount{1});
  EXPECT_FALSE(parse_auto_count("1").value.value().automatic());
  EXPECT_EQ(parse_auto_count("64k").value, AutoCount{64000});
}

TEST(ParseAutoCount, RefusesTheRestAndSaysWhatToWrite) {
  EXPECT_EQ(parse_auto_count("0").hint, "write auto to leave it to the program");
  EXPECT_EQ(parse_auto_count("Auto").hint, "write auto");
  EXPECT_THAT(parse_auto_count("08").hint, HasSubstr("write 8"));
  for (const char* text : {"", "0", "-1", "-0", "1.5", "AUTO", "automatic", "aut", "none", "null"}) {
    EXPECT_FALSE(parse_auto_count(text).value) << text;
  }
}

TEST(FormatAutoCount, ReadsBack) {
  EXPECT_EQ(format_auto_count({}), "auto");
  EXPECT_EQ(format_auto_count({.value = 12}), "12");
}

TEST(FormatNumber, IsTheShortestTextThatReadsBack) {
  EXPECT_EQ(format_number(3e-4), "0.0003");
  EXPECT_EQ(format_number(1.0), "1.0");
  EXPECT_EQ(format_number(0.1), "0.1");
  EXPECT_EQ(format_number(1e-8), "1.0e-08");
  EXPECT_EQ(format_number(1.5e-8), "1.5e-08");
  EXPECT_EQ(format_number(500000.0), "500000.0");
  EXPECT_EQ(format_number(1e300), "1.0e+300");
}

TEST(FormatNumber, ReadsBackOnRandomDoubles) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t bits = random();
    double value = 0.0;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value) || std::fpclassify(value) == FP_SUBNORMAL) continue;
    ASSERT_EQ(parse_number(format_number(value)).value, value) << format_number(value);
  }
}

TEST(FormatBytes, TakesTheLargestUnitThatIsWhole) {
  EXPECT_EQ(format_bytes({64 << 20}), "64MiB");
  EXPECT_EQ(format_bytes({1536}), "1536B");
  EXPECT_EQ(format_bytes({3 << 10}), "3KiB");
  EXPECT_EQ(format_bytes({0}), "0B");
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const Bytes bytes{static_cast<std::int64_t>(random() >> (1 + random() % 62) << (random() % 20) >> 1)};
    ASSERT_EQ(parse_bytes(format_bytes(bytes)).value, bytes) << format_bytes(bytes);
  }
}

TEST(FormatDuration, ReadsBack) {
  EXPECT_EQ(format_duration({5400}), "1h30m");
  EXPECT_EQ(format_duration({93784}), "1d2h3m4s");
  EXPECT_EQ(format_duration({0.5}), "0.5s");
  EXPECT_EQ(format_duration({0}), "0s");
  for (const double seconds : {1e-7, 0.1, 1.25, 59.0, 86400.0, 1e15, 1e17, 1e300, 12345.678}) {
    EXPECT_EQ(parse_duration(format_duration({seconds})).value, Duration{seconds}) << format_duration({seconds});
  }
}

}  // namespace
}  // namespace llmtrain
