#include "lib/io/jsonl.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using ::testing::HasSubstr;

// "kind|column|what", or the text.
std::string outcome(std::string_view line, const JsonLineRules& rules = {}) {
  JsonLineParser parser(rules);
  JsonLine out;
  const auto fault = parser.parse(line, out);
  return fault ? fault->kind + "|" + std::to_string(fault->column) + "|" + fault->what : out.text;
}

struct Case {
  std::string line;
  std::string outcome;  // a part of it for faults
};

void expect_each(const std::vector<Case>& cases, const JsonLineRules& rules = {}) {
  for (const auto& c : cases) EXPECT_THAT(outcome(c.line, rules), HasSubstr(c.outcome)) << c.line;
}

TEST(JsonLine, GivesTheStringOfTheField) {
  EXPECT_EQ(outcome(R"({"text": "a b"})"), "a b");
  EXPECT_EQ(outcome(R"( {"id":7,"meta":{"text":"inner"},"list":[1,{"text":2}],"text":"outer"} )"), "outer");
  EXPECT_EQ(outcome(R"({"text":""})"), "");
  EXPECT_EQ(outcome("{\"text\":\"a\"}\r"), "a");
  EXPECT_EQ(outcome(R"({"body":"x"})", {.field = "body"}), "x");
}

TEST(JsonLine, DecodesEveryEscape) {
  EXPECT_EQ(outcome(R"({"text":"\"\\\/\b\f\n\r\t"})"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(outcome(R"({"text":"\u00e9\ud55c\ud83d\ude00"})"), "é한😀");
  EXPECT_EQ(outcome(R"({"te\u0078t":"x"})"), "x");
}

TEST(JsonLine, ParserForgetsTheLineBefore) {
  JsonLineParser parser({});
  JsonLine out;
  EXPECT_FALSE(parser.parse(R"({"text":"a"})", out));
  EXPECT_TRUE(parser.parse(R"({"b":{"c":[)", out));
  EXPECT_TRUE(parser.parse(R"({"other":"a"})", out));
  EXPECT_FALSE(parser.parse(R"({"text":"b"})", out));
  EXPECT_EQ(out.text, "b");
}

// Columns counted by hand, in bytes from 1.
TEST(JsonLine, MalformedJsonIsNamedWithItsColumn) {
  expect_each({{R"({"text": "a",})", "malformed JSON|14|malformed JSON: unexpected '}'"},
               {R"({"text": "a")", "malformed JSON|13|malformed JSON: unexpected end of input"},
               {R"({"text": "a)", "malformed JSON|12|malformed JSON: invalid string: missing closing quote"},
               {R"({'text': "a"})", "malformed JSON|2|"},
               {R"({"text": "a"} x)", "malformed JSON|15|"},
               {R"({"text": "a"}{"text": "b"})", "malformed JSON|14|"},
               {R"({"text": "\x"})", "malformed JSON|12|"},
               {R"({"text": NaN})", "malformed JSON|10|"},
               {R"({"text": "a"} // no)", "malformed JSON|15|"},
               {R"({"n": 01, "text": "a"})", "malformed JSON|8|"},
               {R"({"n": 1., "text": "a"})", "malformed JSON|9|"},
               {R"({"n": +1, "text": "a"})", "malformed JSON|7|"},
               {"{\"text\": \"a\tb\"}", "malformed JSON|12|malformed JSON: invalid string: control character"},
               {"", "malformed JSON|1|"},
               {"{", "malformed JSON|2|"},
               {"]", "malformed JSON|1|"}});
}

TEST(JsonLine, BytesThatAreNotTextAreRefused) {
  expect_each({{"{\"text\": \"a\xff\"}", "malformed UTF-8|12|malformed UTF-8 (byte 0xff)"},
               {"{\"text\": \"\xc0\xaf\"}", "malformed UTF-8|11|"},          // overlong
               {"{\"text\": \"\xed\xa0\x80\"}", "malformed UTF-8|11|"},      // a surrogate
               {"{\"text\": \"\xf4\x90\x80\x80\"}", "malformed UTF-8|11|"},  // beyond U+10FFFF
               {"{\"text\": \"\xe2\x82\"}", "malformed UTF-8|11|"},          // cut short
               {"{\"text\": \"a\", \"b\": \"\xff\"}", "malformed UTF-8|21|"},
               {"{\"\xff\": 1, \"text\": \"a\"}", "malformed UTF-8|3|"},
               {"\xff{\"text\": \"a\"}", "malformed UTF-8|1|"},
               {std::string("{\"text\": \"a\0b\"}", 15), "NUL|12|NUL byte"},
               {std::string("{\"text\": \"a\"}\0", 14), "NUL|14|"},
               {R"({"text": "a\u0000b"})", "NUL|10|NUL (\\u0000) in 'text'"},
               {"\xef\xbb\xbf{\"text\": \"a\"}", "byte order mark|1|"},
               {R"({"text": "\ud800"})", "malformed JSON|"},
               {R"({"text": "\ud800x"})", "malformed JSON|"},
               {R"({"text": "\ud800\ud800"})", "malformed JSON|"},
               {R"({"text": "\udc00"})", "malformed JSON|"},
               {R"({"other": "\udc00", "text": "a"})", "malformed JSON|"}});
}

TEST(JsonLine, NonCharactersAndInnerByteOrderMarksAreKept) {
  EXPECT_EQ(outcome("{\"text\": \"\xef\xbf\xbe\xef\xb7\x90\"}"), "\xef\xbf\xbe\xef\xb7\x90");  // U+FFFE, U+FDD0
  EXPECT_EQ(outcome(R"({"text": "\ufffe\uffff"})"), "\xef\xbf\xbe\xef\xbf\xbf");
  EXPECT_EQ(outcome("{\"text\": \"\xef\xbb\xbfz\"}"), "\xef\xbb\xbfz");
  EXPECT_EQ(outcome(R"({"other": "\u0000", "text": "a"})"), "a");
}

TEST(JsonLine, NumbersAreCheckedAndNotUsed) {
  expect_each({{R"({"n": -0, "text": "a"})", "a"},
               {R"({"n": 18446744073709551616, "text": "a"})", "a"},
               {R"({"n": -9223372036854775809, "text": "a"})", "a"},
               {R"({"n": 1e-99999, "text": "a"})", "a"},
               {R"({"n": 1e99999, "text": "a"})", "number out of range|7|"},
               {R"({"n": [2, -1e400], "text": "a"})", "number out of range|11|"}});
}

TEST(JsonLine, MissingFieldListsTheKeysFound) {
  EXPECT_EQ(outcome(R"({"question": 1, "answer": 2})"),
            "missing key|1|missing key, expected 'text', got question, answer");
  EXPECT_EQ(outcome("{}"), "missing key|1|missing key, expected 'text', got no key");
  EXPECT_EQ(outcome(R"({"meta": {"text": "a"}})"), "missing key|1|missing key, expected 'text', got meta");
  std::string many = "{\"k0\":0";
  for (int i = 1; i < 30; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_THAT(outcome(many + "}"), HasSubstr("k18, k19 and 10 more"));
}

TEST(JsonLine, MissingFieldSuggestsOneThatIsThere) {
  JsonLineParser parser({});
  JsonLine out;
  EXPECT_EQ(parser.parse(R"({"question": "q", "answer": "a"})", out)->hint, "field: question");
}

TEST(JsonLine, WrongTypeSaysBoth) {
  expect_each({{R"({"text": null})", "wrong type|10|wrong type of 'text', expected a string, got null"},
               {R"({"text": 1})", "wrong type|10|wrong type of 'text', expected a string, got a number"},
               {R"({"text": 1.5})", "got a number"},
               {R"({"text": true})", "got a boolean"},
               {R"({"text": ["a"]})", "wrong type|10|wrong type of 'text', expected a string, got an array"},
               {R"({"text":  {}})", "wrong type|11|wrong type of 'text', expected a string, got an object"}});
}

TEST(JsonLine, LineMustBeAnObject) {
  expect_each({{R"(["text"])", "not an object|1|not an object, expected {\"text\": ...}, got an array"},
               {R"( "text")", "not an object|2|"},
               {"12", "got a number"},
               {"1.5", "got a number"},
               {"null", "got null"},
               {"true", "got a boolean"}});
}

TEST(JsonLine, RepeatedKeyIsRefusedInEveryObject) {
  expect_each({{R"({"text": "a", "text": "b"})", "repeated key|15|repeated key 'text'"},
               {R"({"text": "a", "m": [{"x": 1, "y": 2, "x": 3}]})", "repeated key|38|repeated key 'x'"},
               {R"({"a": 1, "\u0061": 2, "text": "t"})", "repeated key|10|repeated key 'a'"},
               {R"({"m": {"x": 1}, "n": {"x": 2}, "x": 3, "text": "same key, other objects"})", "same key"}});
  std::string many = "{\"text\":\"a\"";
  for (int i = 0; i < 100; ++i) many += ",\"k" + std::to_string(i) + "\":0";
  EXPECT_EQ(outcome(many + "}"), "a");
  EXPECT_THAT(outcome(many + ",\"k3\":0,\"k2\":0}"),
              HasSubstr("repeated key|" + std::to_string(many.size() + 2) + "|repeated key 'k3'"));
}

TEST(JsonLine, ExtraKeysAreRefusedOnDemand) {
  const JsonLineRules strict = {.refuse_extra = true};
  EXPECT_EQ(outcome(R"({"text": "a"})", strict), "a");
  EXPECT_THAT(outcome(R"({"text": "a", "url": "b"})", strict),
              HasSubstr("extra key|15|extra key 'url', expected 'text' alone"));
  EXPECT_EQ(outcome(R"({"id": 1, "text": "a"})", {.id_field = "id", .refuse_extra = true}), "a");
}

TEST(JsonLine, IdIsAStringOrAnInteger) {
  JsonLineParser parser({.id_field = "id"});
  JsonLine out;
  EXPECT_FALSE(parser.parse(R"({"id": "7", "text": "a"})", out));
  EXPECT_EQ(out.id, "s7");
  EXPECT_FALSE(parser.parse(R"({"id": 7, "text": "a"})", out));
  EXPECT_EQ(out.id, "i7");
  EXPECT_FALSE(parser.parse(R"({"id": -7, "text": "a"})", out));
  EXPECT_EQ(out.id, "i-7");
  EXPECT_EQ(parser.parse(R"({"text": "a"})", out)->what, "missing key, expected 'id', got text");
  EXPECT_EQ(parser.parse(R"({"id": 1.5, "text": "a"})", out)->what,
            "wrong type of 'id', expected a string or an integer, got a number");
}

TEST(JsonLine, DepthIsLimited) {
  const auto nested = [](int levels) {
    return "{\"a\":" + std::string(levels - 1, '[') + std::string(levels - 1, ']') + ",\"text\":\"x\"}";
  };
  EXPECT_EQ(outcome(nested(64)), "x");
  EXPECT_THAT(outcome(nested(65)), HasSubstr("nested too deep|69|nested too deep, expected at most 64 levels"));
  EXPECT_THAT(outcome(std::string(1'000'000, '[')), HasSubstr("not an object"));
  EXPECT_THAT(outcome("{\"a\":" + std::string(1'000'000, '[')), HasSubstr("nested too deep"));
  std::string objects;
  for (int i = 0; i < 200'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(outcome(objects), HasSubstr("nested too deep"));
  EXPECT_THAT(outcome(objects, {.max_depth = 1'000'000}), HasSubstr("malformed JSON|1000001|"));
}

TEST(JsonLine, KeyLengthIsLimited) {
  const auto with_key = [](std::size_t bytes) { return "{\"" + std::string(bytes, 'k') + "\":1,\"text\":\"x\"}"; };
  EXPECT_EQ(outcome(with_key(1024)), "x");
  EXPECT_THAT(outcome(with_key(1025)), HasSubstr("key too long|2|key too long, expected at most 1024 bytes, got 1025"));
  EXPECT_THAT(outcome(with_key(10'000'000)), HasSubstr("key too long"));
}

TEST(JsonLine, HalfAMillionKeysAreNotQuadratic) {
  std::string line = "{\"text\":\"a\"";
  for (int i = 0; i < 500'000; ++i) line += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(outcome(line + "}"), "a");
}

// Broken at random, by cutting, swapping, doubling: nothing but a fault or a text may come out, and a text only where
// the library's own reader takes the line.
TEST(JsonLine, RandomlyBrokenLinesAreFaultsOrJson) {
  const std::string whole =
      R"({"id": -12.5e3, "text": "a\"b\u00e9\ud83d\ude00 \n", "m": [true, null, {"k": [[], {}], "한": ""}]})";
  std::uint64_t state = 42;
  const auto below = [&](std::size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>(state >> 33U) % n;
  };
  JsonLineParser parser({});
  JsonLine out;
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string line = whole;
    for (std::size_t i = 0; i <= below(2); ++i) {
      const std::size_t at = below(line.size());
      switch (below(4)) {
        case 0:
          line[at] = static_cast<char>(below(256));
          break;
        case 1:
          line.erase(at, 1 + below(4));
          break;
        case 2:
          line.insert(at, line.substr(below(line.size()), 1 + below(8)));
          break;
        default:
          std::swap(line[at], line[below(line.size())]);
      }
    }
    const auto fault = parser.parse(line, out);
    if (fault) {
      EXPECT_GE(fault->column, 1U);
      EXPECT_LE(fault->column, line.size() + 1) << line;
      EXPECT_FALSE(fault->kind.empty() || fault->what.empty());
    } else {
      ++taken;
      EXPECT_TRUE(nlohmann::json::accept(line)) << line;
      EXPECT_EQ(nlohmann::json::parse(line).at("text").get<std::string>(), out.text) << line;
    }
  }
  EXPECT_GT(taken, 1000);
}

TEST(IsJsonObject, TakesWholeObjectsOnly) {
  EXPECT_TRUE(is_json_object(R"({"a": [1, 2]})"));
  EXPECT_TRUE(is_json_object(" {} "));
  EXPECT_FALSE(is_json_object("[1]"));
  EXPECT_FALSE(is_json_object("{"));
  EXPECT_FALSE(is_json_object("{a: 1}"));
  EXPECT_FALSE(is_json_object(""));
}

}  // namespace
}  // namespace llmtrain
