#include "lib/config/writer.h"

#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "tests/config/sample_config.h"

namespace llmtrain {
namespace {

TEST(Writer, WritesBlockYaml) {
  Car car;
  car.motor = Motor{};
  car.wheels = {{.name = "front", .weight = 2.0, .spokes = {1, 2}}, {.name = "back", .weight = 0.5, .spokes = {}}};
  car.stripes = {Colour::kRed};
  EXPECT_EQ(write_config(car), R"(name: car
doors: 4
price: 0.0003
sold: false
luggage: 1MiB
warranty: 1h
colour: green
motor:
  power: 100
wheels:
  - name: front
    weight: 2.0
    spokes:
      - 1
      - 2
  - name: back
    weight: 0.5
    spokes: []
labels:
  - new
stripes:
  - red
seats: auto
)");
}

// What yaml-cpp's emitter makes of 3e-4 is the reason for a writer of our own.
TEST(Writer, WritesTheShortestDouble) {
  YAML::Emitter theirs;
  theirs << 3e-4;
  EXPECT_STREQ(theirs.c_str(), "0.00029999999999999997");
  EXPECT_EQ(format_number(3e-4), "0.0003");
}

TEST(Writer, SaysWhereValuesCameFrom) {
  Car car;
  const Origins origins = read_config({.name = "c.yaml", .text = "doors: 2\nlabels: [a]\n"}, car, {});
  const std::string text = write_config(car, &origins);
  EXPECT_THAT(text, testing::HasSubstr("\ndoors: 2                                  # c.yaml:1:1\n"));
  EXPECT_THAT(text, testing::HasSubstr("\n  - a                                     # c.yaml:2:10\n"));
  EXPECT_THAT(text, testing::HasSubstr("\ncolour: green                             # default\n"));
  EXPECT_EQ(read_car(text), car);
}

TEST(Writer, QuotesWhatYamlWouldTakeForSomethingElse) {
  for (const char* text :
       {"no",    "Yes", "ON",   "true", "null",       "~",        "1e-4", "08",   "010", "1",  "-1", "+1",  "0x1F",
        "1_000", ".5",  ".inf", ".NaN", "2026-01-31", "12:30:45", "a: b", "a #b", "- a", "*x", "&x", "!x",  "@x",
        "`x",    "%x",  "|",    ">",    "{a",         "[a",       "]",    "}",    ",",   "?",  "'x", "\"x", "",
        " x",    "x ",  "a\nb", "a\tb", "x:",         "<<",       "---",  "...",  "=",   "y",  "N",  "a b"}) {
    const std::string quoted = yaml_scalar(text);
    EXPECT_EQ(quoted.front(), '"') << text;
    EXPECT_EQ(quoted.back(), '"') << text;
    EXPECT_EQ(YAML::Load(quoted).Scalar(), text);
  }
  for (const char* text : {"quickstart", "data/corpus/*.jsonl", ".cache/llmtrain", "/abs/path", "llama-2m", "_x", "./a",
                           "../a", "yesno", "nullable", "e1"}) {
    EXPECT_EQ(yaml_scalar(text), text);
    EXPECT_EQ(YAML::Load(text).Scalar(), text);
  }
}

TEST(Writer, EscapesWhatCannotBeSeen) {
  EXPECT_EQ(yaml_scalar("\x1b\r\x7f"), R"("\x1B\x0D\x7F")");
  EXPECT_EQ(yaml_scalar("a\\\"b"), R"("a\\\"b")");
  EXPECT_EQ(yaml_scalar("\u0085\u2028\uFEFF"), R"("\u0085\u2028\uFEFF")");
  EXPECT_EQ(yaml_scalar("가"), "\"가\"");
}

// A text that looks like a variable is written so that nothing is replaced when it is read again.
TEST(Writer, EscapesVariables) {
  for (const char* text : {"${HOME}", "$${HOME}", "$$${X}", "a${", "$", "$$", "${${A}}"}) {
    Car car;
    car.owner = text;
    EXPECT_EQ(read_car(write_config(car)).owner, text);
  }
}

std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {
      "a",  "no", "1",  "0", " ", ":",  ": ", "#",      " #",     "-",      "- ",   "'",    "\"", "\\",  "\n", "\t",
      "\r", "{",  "}",  "[", "]", ",",  "&",  "*",      "!",      "|",      ">",    "%",    "@",  "`",   "~",  "?",
      "=",  "<<", "${", "$", ".", "e5", "가", "\u0085", "\u2028", "\uFEFF", "\x01", "\x7f", "😀",  "null"};
  std::string text;
  for (std::uint64_t i = random() % 8; i > 0; --i) text += kPieces[random() % kPieces.size()];
  return text;
}

TEST(Writer, ReadsBackRandomSections) {
  std::mt19937_64 random(7);
  const auto number = [&] {
    return std::ldexp(static_cast<double>(random() >> 11U), static_cast<int>(random() % 120) - 60);
  };
  for (int i = 0; i < 3000; ++i) {
    Car car;
    car.doors = static_cast<std::int64_t>(random() >> 1U) | 1;
    car.price = number();
    car.luggage.value = static_cast<std::int64_t>(random() >> (1 + random() % 60)) | 1;
    car.warranty.seconds = number() + 1e-9;
    car.colour = static_cast<Colour>(random() % 3);
    if (random() % 2 == 0) car.owner = random_text(random) + "x";
    if (random() % 2 == 0) car.motor = Motor{.power = static_cast<std::int64_t>(1 + random() % 1000), .torque = {}};
    if (random() % 2 == 0) car.seats.value = static_cast<std::int64_t>(1 + random() % 9);
    if (random() % 2 == 0) car.rest = Duration{static_cast<double>(random() % 1'000'000)};
    for (std::uint64_t n = random() % 3; n > 0; --n) {
      car.wheels.push_back({.name = random_text(random) + "w", .weight = number() + 1e-9, .spokes = {}});
      car.labels.push_back(random_text(random));
      car.stripes.push_back(static_cast<Colour>(random() % 3));
    }
    const std::string text = write_config(car);
    ASSERT_EQ(read_car(text), car) << text;
    ASSERT_EQ(write_config(read_car(text)), text);
  }
}

}  // namespace
}  // namespace llmtrain
