#include "lib/base/strict_json.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using namespace std::string_literals;

std::string refusal(std::string_view text) {
  return error_of(ExitCode::kInput, [&] { parse_strict_json(text, "a.json"); });
}

TEST(StrictJson, ReadsADocument) {
  const auto document = parse_strict_json(R"({"a": [1, -2, 0.5, null, true], "b": {"c": "\u00e9"}})", "a.json");
  EXPECT_EQ(document["a"], nlohmann::json::array({1, -2, 0.5, nullptr, true}));
  EXPECT_EQ(document["b"]["c"], "\u00e9");
}

TEST(StrictJson, RefusesWhatAReaderCouldTakeInTwoWays) {
  EXPECT_EQ(refusal(R"({"a": {"k": 1, "k": 1}})"), R"(a.json: a: key "k" stands twice)");
  EXPECT_EQ(refusal("{\"a\": 1}\0{\"a\": 2}"s), "a.json: byte 8: NUL byte, expected text");
  EXPECT_EQ(refusal("\xef\xbb\xbf{}"), "a.json: byte 0: byte order mark, expected JSON");
  for (const char* text : {"", " ", "{}{}", "[1,]", "{'a': 1}", "// c\n{}", "[01]", "[NaN]", "[1e99999]", "\"\\ud800\"",
                           "\"\xc0\xaf\"", "{\"a\"}", "[+1]"}) {
    EXPECT_EQ(refusal(text).rfind("a.json: byte ", 0), 0U) << text << ": " << refusal(text);
  }
}

TEST(StrictJson, ReadsSixtyFourLevelsAndRefusesAMillion) {
  EXPECT_NO_THROW(parse_strict_json(std::string(64, '[') + std::string(64, ']'), "a.json"));
  EXPECT_NE(refusal(std::string(1000000, '[')).find("nested deeper than 64 levels"), std::string::npos);
}

TEST(StrictJson, CountsAreWholeNumbersFromZero) {
  const auto document = parse_strict_json(R"({"a": [0, 9223372036854775807, 9223372036854775808, -1, 1.0, "1"]})", "f");
  const auto values = JsonView(document, "f").member("a").elements();
  EXPECT_EQ(values[0].count(), 0);
  EXPECT_EQ(values[1].count(), INT64_MAX);
  EXPECT_EQ(error_of(ExitCode::kInput, [&] { values[2].count(); }),
            "f: a[2]: expected a whole number from 0 to 9223372036854775807, got 9223372036854775808");
  for (std::size_t i = 3; i < 6; ++i) error_of(ExitCode::kInput, [&] { values[i].count(); });
}

TEST(StrictJson, NumbersAreThoseOfEitherKind) {
  const auto document = parse_strict_json(R"({"a": [-1, 0.25, 1e300, true, null, "1"]})", "f");
  const auto values = JsonView(document, "f").member("a").elements();
  EXPECT_EQ(values[0].number(), -1.0);
  EXPECT_EQ(values[1].number(), 0.25);
  EXPECT_EQ(values[2].number(), 1e300);
  EXPECT_EQ(error_of(ExitCode::kInput, [&] { values[3].number(); }), "f: a[3]: expected a number, got boolean");
  for (std::size_t i = 4; i < 6; ++i) error_of(ExitCode::kInput, [&] { values[i].number(); });
}

}  // namespace
}  // namespace llmtrain
