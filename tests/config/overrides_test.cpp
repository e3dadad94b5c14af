#include "lib/config/overrides.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/sample_config.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

Car with(const std::vector<std::string>& overrides, const std::string& text = "doors: 2\n") {
  return read_car(text, {.overrides = overrides});
}

std::string fault_of(const std::vector<std::string>& overrides, const std::string& text = "doors: 2\n") {
  return error_of(ExitCode::kUsage, [&] { with(overrides, text); });
}

TEST(Overrides, ReplaceAndAddValues) {
  EXPECT_EQ(with({"doors=3"}).doors, 3);
  EXPECT_EQ(with({"price=1e-4"}).price, 1e-4);
  EXPECT_EQ(with({"motor.power=5"}).motor->power, 5);
  EXPECT_EQ(with({"doors=3", "doors=64k"}).doors, 64000);
}

TEST(Overrides, LeaveACountToTheProgram) {
  EXPECT_EQ(with({"seats=5"}).seats, AutoCount{5});
  EXPECT_EQ(with({"seats=auto"}, "seats: 5\n").seats, AutoCount{});
  EXPECT_EQ(fault_of({"seats=0"}),
            "--set: 'seats': expected auto, or an integer from 1 to 9, got '0'; write auto to leave it to the program");
  EXPECT_EQ(fault_of({"seats=10"}), "--set: 'seats': expected auto, or an integer from 1 to 9, got '10'");
}

TEST(Overrides, ReachIntoLists) {
  const std::string text = "wheels: [{name: a}, {name: b}]\n";
  EXPECT_EQ(with({"wheels[1].weight=2.5"}, text).wheels[1].weight, 2.5);
  EXPECT_EQ(with({"wheels[0].name=c"}, text).wheels[0].name, "c");
  EXPECT_EQ(with({"wheels[2].name=c", "wheels[2].spokes[0]=7"}, text).wheels[2].spokes, (std::vector<std::int64_t>{7}));
  EXPECT_EQ(with({"wheels[0].name=only"}).wheels.size(), 1U);
}

TEST(Overrides, TakeFlowYaml) {
  EXPECT_EQ(with({"labels=[x, \"y z\"]"}).labels, (std::vector<std::string>{"x", "y z"}));
  EXPECT_EQ(with({"motor={power: 7, torque: 1}"}).motor, (Motor{.power = 7, .torque = 1.0}));
  EXPECT_EQ(with({"owner='null'"}).owner, "null");
  EXPECT_EQ(with({"owner=null"}, "owner: x\n").owner, std::nullopt);
}

// The shell has quoted it once already; a glob is no alias and a colon no key.
TEST(Overrides, TakeOtherTextAsItStands) {
  for (const char* text : {"*.jsonl", "&x", "!y", "a: b # c", "- x", "%z", "@w", "x=y", "|", "? q", "日本"}) {
    EXPECT_EQ(with({fmt::format("owner={}", text)}).owner, text);
  }
}

TEST(Overrides, AreCheckedLikeTheFile) {
  EXPECT_EQ(fault_of({"doors=x"}), "--set: 'doors': expected an integer of at least 1, got 'x'");
  EXPECT_EQ(fault_of({"motor.torque=200"}), "--set: 'motor.torque': more torque than power");
  EXPECT_THAT(fault_of({"doors="}), HasSubstr("--set: 'doors': expected an integer of at least 1, got nothing"));
  EXPECT_EQ(fault_of({"motor={powr: 1}"}), "--set: unknown key 'motor.powr'; did you mean 'motor.power'?");
}

TEST(Overrides, NameAnUnknownPathAndTheNearestKnownOne) {
  EXPECT_EQ(fault_of({"motor.powr=1"}), "--set: unknown key 'motor.powr'; did you mean 'motor.power'?");
  EXPECT_EQ(fault_of({"moter.power=1"}), "--set: unknown key 'moter.power'; did you mean 'motor.power'?");
  EXPECT_EQ(fault_of({"torque=1"}), "--set: unknown key 'torque'; did you mean 'motor.torque'?");
  EXPECT_EQ(fault_of({"wheel[3].weigth=1"}), "--set: unknown key 'wheel[3].weigth'; did you mean 'wheels[3].weight'?");
  EXPECT_EQ(fault_of({"engine.torque=1"}), "--set: unknown key 'engine.torque'; did you mean 'motor.torque'?");
  EXPECT_THAT(fault_of({"quite_other=1"}), HasSubstr("unknown key 'quite_other'; the keys here are name, doors"));
  EXPECT_THAT(fault_of({"doors.x=1"}), HasSubstr("unknown key 'doors.x'"));
  EXPECT_THAT(fault_of({"doors[0]=1"}), HasSubstr("unknown key 'doors[0]'"));
}

TEST(Overrides, RefuseWhatIsNoAssignment) {
  for (const char* text : {"doors", "=3", "a..b=3", ".a=3", "a.=3", "a[=3", "a[x]=3", "a[1=3", "a[1]b=3", "", "[0]=1",
                           "a[-1]=3", "a[99999999999999999999999]=3"}) {
    EXPECT_THAT(fault_of({text}), HasSubstr("--set: expected KEY=VALUE, got")) << text;
  }
}

TEST(Overrides, DoNotSkipListItems) {
  EXPECT_EQ(fault_of({"wheels[2].name=c"}, "wheels: [{name: a}]\n"),
            "--set: cannot set 'wheels[2].name': 'wheels' has 1 items in the file");
  EXPECT_THAT(fault_of({"wheels[99999999999].name=c"}, "wheels: [{name: a}]\n"), HasSubstr("has 1 items"));
  EXPECT_EQ(fault_of({"wheels[0].name=c"}, "wheels: x\n"),
            "car.yaml:1:9: 'wheels': expected a list, got 'x'; write '- ' before each item\n"
            "--set: cannot set 'wheels[0].name': 'wheels' is 'x' in the file");
}

TEST(Overrides, NameAValueThatIsNotYaml) {
  EXPECT_THAT(fault_of({"labels=[x"}), HasSubstr("--set: 'labels': '[' is not closed"));
  EXPECT_THAT(fault_of({"labels=[&a x, *a]"}), HasSubstr("--set: 'labels': anchors"));
  EXPECT_THAT(fault_of({"motor={power: 1, power: 2}"}), HasSubstr("key 'power' is repeated"));
  EXPECT_THAT(fault_of({"owner=\"x"}), HasSubstr("--set: 'owner': a quote is not closed"));
  EXPECT_THAT(fault_of({"labels=" + std::string(100'000, '[')}), HasSubstr("nested deeper than 64 levels"));
}

}  // namespace
}  // namespace llmtrain
