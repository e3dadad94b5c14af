#include "lib/config/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/sample_config.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

std::string fault_of(const std::string& text) {
  return error_of(ExitCode::kUsage, [&] { read_car(text); });
}

TEST(Reader, FillsEveryKindOfValue) {
  const Car car = read_car(R"(name: mini
doors: 64k
price: 1.5
sold: true
luggage: 8GiB
warranty: 1h30m
colour: blue
owner: Ada
motor: {power: 90, torque: 3e-4}
rest: 1d
wheels:
  - {name: front, weight: 2, spokes: [1, 2k]}
  - name: back
labels: [a, "b c"]
stripes: [red, blue]
seats: 5
)");
  const Car expected = {
      .name = "mini",
      .doors = 64000,
      .price = 1.5,
      .sold = true,
      .luggage = {8589934592},
      .warranty = {5400},
      .colour = Colour::kBlue,
      .owner = "Ada",
      .motor = Motor{.power = 90, .torque = 3e-4},
      .rest = Duration{86400},
      .wheels = {{.name = "front", .weight = 2.0, .spokes = {1, 2000}}, {.name = "back", .weight = 1.0, .spokes = {}}},
      .labels = {"a", "b c"},
      .stripes = {Colour::kRed, Colour::kBlue},
      .seats = {5}};
  EXPECT_EQ(car, expected);
}

TEST(Reader, KeepsTheDefaultsOfWhatIsNotGiven) {
  Car expected;
  expected.doors = 2;
  EXPECT_EQ(read_car("doors: 2\n"), expected);
}

TEST(Reader, TakesNullForAnOptionalKey) {
  const Car car = read_car("owner: ~\nmotor: null\nrest: ~\n");
  EXPECT_EQ(car, Car{});
  Car owned;
  owned.owner = "Ada";
  read_config({.name = "car.yaml", .text = "owner: ~\n"}, owned);
  EXPECT_EQ(owned.owner, std::nullopt);
}

TEST(Reader, RefusesNullForOtherKeys) {
  EXPECT_EQ(fault_of("doors: ~\n"),
            "car.yaml:1:8: 'doors': expected an integer of at least 1, got null; leave the key out for its default");
  EXPECT_THAT(fault_of("labels: null\n"), HasSubstr("'labels': expected a list, got null"));
}

// "steps:" may be a slip or a wish; neither is guessed.
TEST(Reader, RefusesAKeyWithoutAValue) {
  EXPECT_EQ(fault_of("doors:\nname: x\n"),
            "car.yaml:1:1: 'doors': expected an integer of at least 1, got nothing; leave the key out for its default");
  EXPECT_EQ(fault_of("motor:\n"),
            "car.yaml:1:1: 'motor': expected a section of keys, got nothing; leave the key out for none");
}

TEST(Reader, NamesAnUnknownKeyAndTheNearestKnownOne) {
  EXPECT_EQ(fault_of("motor:\n  powr: 3\n"), "car.yaml:2:3: unknown key 'motor.powr'; did you mean 'motor.power'?");
  EXPECT_EQ(fault_of("wheels:\n  - name: a\n  - name: b\n    wieght: 3\n"),
            "car.yaml:4:5: unknown key 'wheels[1].wieght'; did you mean 'wheels[1].weight'?");
  EXPECT_EQ(fault_of("torque: 3\n"), "car.yaml:1:1: unknown key 'torque'; did you mean 'motor.torque'?");
  EXPECT_THAT(fault_of("motor: {quite_other: 3}\n"),
              HasSubstr("unknown key 'motor.quite_other'; the keys here are power, torque"));
}

TEST(Reader, PointsAtTheLineWithACaret) {
  try {
    read_car("name: x\nmotor:\n  powr: 3\n");
    FAIL();
  } catch (const Error& error) {
    ASSERT_EQ(error.faults().size(), 1U);
    EXPECT_EQ(error.faults()[0].context, "  3 |   powr: 3\n    |   ^");
  }
}

TEST(Reader, NamesTheWrongType) {
  EXPECT_EQ(fault_of("doors: many\n"), "car.yaml:1:8: 'doors': expected an integer of at least 1, got 'many'");
  EXPECT_EQ(fault_of("doors: [1]\n"), "car.yaml:1:8: 'doors': expected an integer of at least 1, got a list");
  EXPECT_EQ(
      fault_of("name: {a: 1}\n"),
      "car.yaml:1:7: 'name': expected a plain name (no '/' or control character, at most 255 bytes), got a section");
  EXPECT_EQ(fault_of("motor: 3\n"),
            "car.yaml:1:8: 'motor': expected a section of keys, got '3'; its keys begin with power");
  EXPECT_EQ(fault_of("labels: a\n"), "car.yaml:1:9: 'labels': expected a list, got 'a'; write '- ' before each item");
  EXPECT_EQ(fault_of("wheels:\n  name: a\n"),
            "car.yaml:2:3: 'wheels': expected a list, got a section; write '- ' before each item");
  EXPECT_EQ(
      fault_of("luggage: 8G\n"),
      "car.yaml:1:10: 'luggage': expected a size above 0 (such as 64MiB), got '8G'; write 8GiB (powers of 1024) or "
      "8GB (powers of 1000)");
  EXPECT_EQ(
      fault_of("warranty: 30\n"),
      "car.yaml:1:11: 'warranty': expected a duration above 0 (such as 1h30m), got '30'; write a unit: 30s, 30m, 30h");
  EXPECT_EQ(fault_of("colour: gren\n"),
            "car.yaml:1:9: 'colour': expected one of red, green, blue, got 'gren'; did you mean 'green'?");
}

// To YAML 1.1 these are a bool, a text and an octal number; here the key says what its value is.
TEST(Reader, IsNotMisledByYamlTypes) {
  EXPECT_EQ(read_car("name: no\n").name, "no");
  EXPECT_EQ(read_car("name: 08\n").name, "08");
  EXPECT_EQ(read_car("name: 1e-4\n").name, "1e-4");
  EXPECT_EQ(read_car("price: 1e-4\n").price, 1e-4);
  EXPECT_EQ(read_car("doors: 1e6\n").doors, 1'000'000);
  EXPECT_THAT(fault_of("sold: no\n"), HasSubstr("'sold': expected true or false, got 'no'; write false"));
  EXPECT_THAT(fault_of("doors: 08\n"), HasSubstr("got '08'; leading zeros are not taken, write 8"));
  EXPECT_THAT(fault_of("doors: 010\n"), HasSubstr("got '010'; leading zeros are not taken, write 10"));
}

TEST(Reader, RefusesAQuotedNumber) {
  EXPECT_THAT(fault_of("doors: \"4\"\n"), HasSubstr("got '4'; take the quotes off"));
  EXPECT_THAT(fault_of("sold: 'true'\n"), HasSubstr("got 'true'; take the quotes off"));
}

TEST(Reader, NamesWhatIsOutOfRange) {
  EXPECT_THAT(fault_of("doors: 0\n"), HasSubstr("expected an integer of at least 1, got '0'"));
  EXPECT_THAT(fault_of("price: -1\n"), HasSubstr("expected a number of at least 0, got '-1'"));
  EXPECT_THAT(fault_of("luggage: 0\n"), HasSubstr("expected a size above 0 (such as 64MiB), got '0'"));
  EXPECT_THAT(fault_of("warranty: 0s\n"), HasSubstr("expected a duration above 0"));
  EXPECT_THAT(fault_of("motor: {power: 1001}\n"), HasSubstr("expected an integer from 1 to 1000, got '1001'"));
  EXPECT_THAT(fault_of("wheels: [{name: a, spokes: [-1]}]\n"), HasSubstr("'wheels[0].spokes[0]': expected"));
  EXPECT_EQ(read_car("motor: {power: 1000}\n").motor->power, 1000);
  EXPECT_EQ(read_car("doors: 1\nprice: 0\n").doors, 1);
}

TEST(Reader, RefusesNamesThatArePaths) {
  for (const char* name : {"a/b", ".", "..", "''", "\"a\\0b\""}) {
    EXPECT_THAT(fault_of(fmt::format("name: {}\n", name)), HasSubstr("'name': expected a plain name")) << name;
  }
  EXPECT_EQ(read_car("name: ...\n").name, "...");
}

TEST(Reader, RefusesAnEmptyListWhereItMustNotBe) {
  EXPECT_EQ(read_car("labels: []\n").labels.size(), 0U);
  EXPECT_THAT(fault_of("owner: ''\n"), HasSubstr("'owner': expected text, not empty, got ''"));
}

TEST(Reader, NamesAMissingKey) {
  EXPECT_EQ(fault_of("wheels:\n  - weight: 1\n"),
            "car.yaml:2:5: missing key 'wheels[0].name', expected text, not empty (Name of the wheel)");
}

TEST(Reader, DoesNotMissAKeyThatIsMisspelt) {
  EXPECT_EQ(fault_of("wheels:\n  - nmae: a\n"),
            "car.yaml:2:5: unknown key 'wheels[0].nmae'; did you mean 'wheels[0].name'?");
}

TEST(Reader, ReportsContradictionsAtTheirKey) {
  EXPECT_EQ(fault_of("motor:\n  power: 10\n  torque: 11\n"), "car.yaml:3:3: 'motor.torque': more torque than power");
  EXPECT_EQ(fault_of("sold: true\n"), "car.yaml: 'sold' needs an 'owner'");
}

// A contradiction with a value that could not be read would be a second fault for one mistake.
TEST(Reader, DoesNotCompareWhatItCouldNotRead) {
  EXPECT_EQ(fault_of("motor:\n  power: 1O\n  torque: 150\n"),
            "car.yaml:2:10: 'motor.power': expected an integer from 1 to 1000, got '1O'");
  EXPECT_EQ(fault_of("motor:\n  power: ${LLMTRAIN_TEST_NOT_SET}\n  torque: 150\n"),
            "car.yaml:2:10: environment variable 'LLMTRAIN_TEST_NOT_SET' is not set");
}

TEST(Reader, FindsEveryFaultInTheOrderOfTheFile) {
  EXPECT_EQ(fault_of("colour: pink\ndoors: 0\nmotor:\n  torque: x\n  powr: 1\nname: a\nname: b\nluggage: !x 1\n"),
            "car.yaml:1:9: 'colour': expected one of red, green, blue, got 'pink'\n"
            "car.yaml:2:8: 'doors': expected an integer of at least 1, got '0'\n"
            "car.yaml:4:11: 'motor.torque': expected a number above 0, got 'x'\n"
            "car.yaml:5:3: unknown key 'motor.powr'; did you mean 'motor.power'?\n"
            "car.yaml:7:1: key 'name' is repeated; it stands in line 6 already\n"
            "car.yaml:8:10: tags ('!x') are not taken; the key alone says what the value is");
}

TEST(Reader, TellsWhereEachValueCameFrom) {
  Car car;
  const Origins origins = read_config({.name = "car.yaml", .text = "doors: 2\nwheels:\n  - name: ${W}\n"}, car,
                                      {.overrides = {"price=2"}, .variables = [](const std::string&) { return "w"; }});
  EXPECT_EQ(origins.at("doors"), "car.yaml:1:1");
  EXPECT_EQ(origins.at("wheels[0].name"), "car.yaml:3:5 (${W})");
  EXPECT_EQ(origins.at("price"), "--set");
  EXPECT_EQ(origins.count("colour"), 0U);
  const Origins again = read_config({.name = "car.yaml", .text = "doors: 2\n"}, car, {.overrides = {"doors=3"}});
  EXPECT_EQ(again.at("doors"), "--set");
}

TEST(Environment, ReplacesVariablesInValues) {
  const ReadOptions options = {.overrides = {}, .variables = [](const std::string& name) -> std::optional<std::string> {
                                 if (name == "D") return "3";
                                 if (name == "N") return "null";
                                 if (name == "Y") return "{a: [b]} # c: *d &e";
                                 if (name == "R") return "${D}";
                                 return std::nullopt;
                               }};
  EXPECT_EQ(read_car("doors: ${D}\n", options).doors, 3);
  EXPECT_EQ(read_car("motor: {power: \"${D}0\"}\n", options).motor->power, 30);
  EXPECT_EQ(read_car("labels: [\"a${D}b${D}\", '${D}', x]\n", options).labels,
            (std::vector<std::string>{"a3b3", "3", "x"}));
  // What comes in is a text: no structure, no null, no second replacement.
  EXPECT_EQ(read_car("owner: ${N}\n", options).owner, "null");
  EXPECT_EQ(read_car("owner: ${Y}\n", options).owner, "{a: [b]} # c: *d &e");
  EXPECT_EQ(read_car("owner: ${R}\n", options).owner, "${D}");
  EXPECT_EQ(read_car("owner: $${D}$\n", options).owner, "${D}$");
  EXPECT_EQ(read_car("owner: $$${D}\n", options).owner, "$${D}");
  EXPECT_EQ(read_car("owner: $D\n", options).owner, "$D");
}

TEST(Environment, NamesWhatIsNotSet) {
  const auto fault = [](const std::string& text) {
    return error_of(ExitCode::kUsage, [&] {
      read_car(text, {.overrides = {}, .variables = [](const std::string& name) -> std::optional<std::string> {
                        if (name == "BAD") return "\xFF";
                        return std::nullopt;
                      }});
    });
  };
  EXPECT_EQ(fault("name: a\nowner: x${NOPE}\n"), "car.yaml:2:8: environment variable 'NOPE' is not set");
  EXPECT_EQ(fault("owner: ${NOPE\n"),
            "car.yaml:1:8: '${' is not closed; write '$${' for the two characters themselves");
  EXPECT_EQ(fault("owner: \"${A:-b}\"\n"), "car.yaml:1:8: '${A:-b}' names no environment variable");
  EXPECT_EQ(fault("owner: ${BAD}\n"), "car.yaml:1:8: environment variable 'BAD' is not UTF-8");
  EXPECT_THAT(fault("${D}: 1\n"), HasSubstr("unknown key '${D}'"));
}

}  // namespace
}  // namespace llmtrain
