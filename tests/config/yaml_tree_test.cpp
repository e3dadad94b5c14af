#include "lib/config/yaml_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/config/sample_config.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

YamlNode parse(const std::string& text) {
  const YamlText source{.name = "f.yaml", .text = text};
  ConfigFaults faults(source);
  YamlNode root = parse_yaml(source, faults);
  faults.throw_if_any();
  return root;
}

std::string fault_of(const std::string& text) {
  return error_of(ExitCode::kUsage, [&] { parse(text); });
}

// yaml-cpp counts lines and columns from 0; people and editors from 1.
TEST(YamlTree, CountsLinesAndColumnsFromOne) {
  const YamlNode root = parse("a: 1\nb:\n  c: 2\n");
  EXPECT_EQ(root.entries[0].place, (Place{.line = 1, .column = 1}));
  EXPECT_EQ(root.entries[0].value.place, (Place{.line = 1, .column = 4}));
  EXPECT_EQ(root.find("b")->value.entries[0].place, (Place{.line = 3, .column = 3}));
}

TEST(YamlTree, CountsColumnsInCharacters) {
  const YamlNode root = parse("{\"가나\": 1, b: 2}\n");
  EXPECT_EQ(root.entries[1].place, (Place{.line = 1, .column = 11}));
}

TEST(YamlTree, TellsEmptyNullAndQuotedApart) {
  const YamlNode root = parse("a:\nb: ~\nc: null\nd: \"null\"\ne: ''\nf: x\n");
  EXPECT_EQ(root.find("a")->value.kind, YamlKind::kEmpty);
  EXPECT_EQ(root.find("b")->value.kind, YamlKind::kNull);
  EXPECT_EQ(root.find("c")->value.kind, YamlKind::kNull);
  EXPECT_EQ(root.find("d")->value.kind, YamlKind::kScalar);
  EXPECT_TRUE(root.find("d")->value.quoted);
  EXPECT_EQ(root.find("e")->value.kind, YamlKind::kScalar);
  EXPECT_FALSE(root.find("f")->value.quoted);
}

// yaml-cpp gives an empty value the place of what comes next.
TEST(YamlTree, DoesNotTakeTheNextKeyForAValue) {
  const YamlNode root = parse("a:\nnull_b: 1\nc: {d, e: }\n");
  EXPECT_EQ(root.find("a")->value.kind, YamlKind::kEmpty);
  EXPECT_EQ(root.find("a")->value.place, (Place{.line = 1, .column = 1}));
  EXPECT_EQ(root.find("c")->value.find("d")->value.kind, YamlKind::kEmpty);
}

// yaml-cpp keeps both silently, and the first wins.
TEST(YamlTree, RefusesARepeatedKey) {
  EXPECT_EQ(fault_of("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: key 'a' is repeated; it stands in line 1 already");
  EXPECT_EQ(fault_of("x: {b: 1, \"b\": 2}\n"), "f.yaml:1:11: key 'b' is repeated; it stands in line 1 already");
}

// yaml-cpp does not apply it: the keys would be lost.
TEST(YamlTree, RefusesMergeKeys) {
  EXPECT_THAT(fault_of("a: 1\n<<: {b: 2}\n"), HasSubstr("f.yaml:2:1: merge keys ('<<') are not taken"));
}

TEST(YamlTree, RefusesAnchorsAndAliases) {
  EXPECT_EQ(fault_of("a: &x 1\nb: *x\n"),
            "f.yaml:1:4: anchors ('&name') are not taken; write the value out where it is needed\n"
            "f.yaml:2:4: aliases ('*name') are not taken; write the value out, or quote a text that begins with *");
  EXPECT_THAT(fault_of("path: *.jsonl\n"), HasSubstr("f.yaml:1:7: aliases ('*name') are not taken"));
}

TEST(YamlTree, NamesATag) {
  EXPECT_THAT(fault_of("a: !!str 1\n"), HasSubstr("f.yaml:1:4: tags ('tag:yaml.org,2002:str') are not taken"));
  EXPECT_THAT(fault_of("a: !mine {b: 1}\n"), HasSubstr("f.yaml:1:4: tags ('!mine') are not taken"));
  EXPECT_THAT(fault_of("a: ! 1\n"), HasSubstr("f.yaml:1:4: tags ('!') are not taken"));
  EXPECT_THAT(fault_of("a: !!python/object:os.system [x]\n"), HasSubstr("tags ("));
}

TEST(YamlTree, RefusesKeysThatAreNoNames) {
  EXPECT_THAT(fault_of("? [a, b]\n: 1\n"), HasSubstr("a key must be a name, got a list"));
  EXPECT_THAT(fault_of("{a: 1}: 2\n"), HasSubstr("a key must be a name, got a section"));
  EXPECT_THAT(fault_of("~: 2\n"), HasSubstr("a key must be a name, got nothing"));
}

TEST(YamlTree, RefusesASecondDocument) {
  EXPECT_THAT(fault_of("a: 1\n---\na: 2\n"), HasSubstr("f.yaml:2:1: a second document begins here"));
  EXPECT_EQ(parse("---\na: 1\n...\n").entries.size(), 1U);
}

TEST(YamlTree, RefusesAnEmptyFile) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "~\n", "null\n"}) {
    EXPECT_THAT(fault_of(text), HasSubstr("f.yaml: the file is empty")) << text;
  }
}

TEST(YamlTree, RefusesOtherThanKeysAtTheTop) {
  EXPECT_THAT(fault_of("- a\n- b\n"), HasSubstr("f.yaml:1:1: expected keys at the top of the file, got a list"));
  EXPECT_THAT(fault_of("hello\n"), HasSubstr("got 'hello'"));
}

TEST(YamlTree, NamesATabThatIndents) {
  EXPECT_EQ(fault_of("run:\n\tname: x\n"), "f.yaml:2:1: a tab indents this line; YAML takes spaces only");
  EXPECT_EQ(fault_of("run:\n  name: x\n  \tdir: y\n"), "f.yaml:3:3: a tab indents this line; YAML takes spaces only");
  EXPECT_EQ(fault_of("run:\n  a: 1\n\tb: 2\n"), "f.yaml:3:1: a tab indents this line; YAML takes spaces only");
}

TEST(YamlTree, NamesTheByteThatIsNotUtf8) {
  EXPECT_THAT(fault_of("a: 1\nb: caf\xE9\n"), HasSubstr("f.yaml:2:7: byte 11 of the file is not UTF-8, got \\xe9"));
  EXPECT_THAT(fault_of(std::string("\xFF\xFE"
                                   "a\0:\0",
                                   6)),
              HasSubstr("f.yaml:1:1: byte 0 of the file is not UTF-8"));
}

TEST(YamlTree, RefusesControlCharacters) {
  EXPECT_THAT(fault_of(std::string("a: 1\nb: x\0y\n", 11)), HasSubstr("f.yaml:2:5: control character \\x00"));
  EXPECT_THAT(fault_of("a: \x1b[31m\n"), HasSubstr("control character \\x1b"));
  EXPECT_EQ(parse("a: 1\r\nb: 2\r\n").entries[1].place, (Place{.line = 2, .column = 1}));
}

TEST(YamlTree, RefusesTooMuch) {
  EXPECT_THAT(fault_of("a: " + std::string(YamlLimits::kBytes, 'x')), HasSubstr("a pipeline file has at most 1048576"));
  std::string many = "a: [";
  for (std::size_t i = 0; i < YamlLimits::kNodes; ++i) many += "1,";
  EXPECT_THAT(fault_of(many + "]\n"), HasSubstr("more than 100000 values"));
}

TEST(YamlTree, StopsAtDepth64WhateverNests) {
  const auto nest = [](std::string_view piece, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += piece;
    return text;
  };
  EXPECT_NO_THROW(parse("a: " + nest("[", 63) + nest("]", 63) + "\n"));
  for (const std::size_t depth : {65, 10'000, 250'000}) {
    EXPECT_THAT(fault_of("a: " + nest("[", depth)), HasSubstr("nested deeper than 64 levels"));
    EXPECT_THAT(fault_of("a: " + nest("{a: ", depth)), HasSubstr("nested deeper than 64 levels"));
    EXPECT_THAT(fault_of(nest("- ", depth)), HasSubstr("nested deeper than 64 levels"));
    EXPECT_THAT(fault_of(nest("? ", depth)), HasSubstr("nested deeper than 64 levels"));
  }
  std::string indented;
  for (std::size_t i = 0; i < 500; ++i) indented += std::string(i, ' ') + "a:\n";
  EXPECT_THAT(fault_of(indented), HasSubstr("f.yaml:65:65: nested deeper than 64 levels"));
}

// Nine levels of nine aliases: 9^9 values if they were followed.
TEST(YamlTree, NeverFollowsAnAliasBomb) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  }
  EXPECT_THAT(fault_of(bomb), HasSubstr("f.yaml:1:5: anchors"));
}

TEST(YamlTree, SaysWhatIsNotYaml) {
  EXPECT_THAT(fault_of("a: [1, 2\nb: 3\n"), HasSubstr("'[' is not closed"));
  EXPECT_THAT(fault_of("a: {b: 1\n"), HasSubstr("'{' is not closed"));
  EXPECT_THAT(fault_of("a: b: c\n"), HasSubstr("f.yaml:1:5: a ':' where no key can stand"));
  EXPECT_THAT(fault_of("a:\n  b: 1\n c: 2\n"), HasSubstr("f.yaml:3:2: this line does not continue the map above"));
}

// yaml-cpp takes the end of the file for the end of the text.
TEST(YamlTree, NamesAQuoteThatIsNotClosed) {
  EXPECT_THAT(fault_of("a: 1\nb: \"x\n"), HasSubstr("f.yaml:2:4: a quote is not closed"));
  EXPECT_THAT(fault_of("a: 'x\nb: 2\n"), HasSubstr("f.yaml:1:4: a quote is not closed"));
  EXPECT_THAT(fault_of("a: 'it''s\n"), HasSubstr("f.yaml:1:4: a quote is not closed"));
  EXPECT_THAT(fault_of("a: \"x\\\"\n"), HasSubstr("f.yaml:1:4: a quote is not closed"));
  EXPECT_EQ(parse("a: 'it''s'\nb: \"x\\\\\"\n").entries.size(), 2U);
}

// All faults of one file are found in one reading.
TEST(YamlTree, GoesOnAfterEachFault) {
  EXPECT_EQ(fault_of("a: 1\na: 2\nb: !x 1\nc: &y 1\n<<: {}\n"),
            "f.yaml:2:1: key 'a' is repeated; it stands in line 1 already\n"
            "f.yaml:3:4: tags ('!x') are not taken; the key alone says what the value is\n"
            "f.yaml:4:4: anchors ('&name') are not taken; write the value out where it is needed\n"
            "f.yaml:5:1: merge keys ('<<') are not taken; write the keys out");
}

TEST(ConfigFaults, ShowTheLineAndACaret) {
  const YamlText source{.name = "f.yaml", .text = "a: 1\nkey: \x01\tvalue\n한국: x\n"};
  EXPECT_EQ(place_context(source, {.line = 2, .column = 1}), "  2 | key: \\x01 value\n    | ^");
  EXPECT_EQ(place_context(source, {.line = 2, .column = 8}), "  2 | key: \\x01 value\n    |           ^");
  EXPECT_EQ(place_context(source, {.line = 3, .column = 5}), "  3 | 한국: x\n    |       ^");
  EXPECT_EQ(place_context(source, {}), "");
  EXPECT_EQ(place_context(source, {.set = true}), "");
}

TEST(ConfigFaults, CutLongLinesAroundThePlace) {
  const YamlText source{.name = "f.yaml", .text = std::string(5000, 'a') + "b" + std::string(5000, 'c')};
  const std::string context = place_context(source, {.line = 1, .column = 5001});
  EXPECT_LT(context.size(), 300U);
  const std::size_t newline = context.find('\n');
  EXPECT_EQ(context[context.size() - 1 - newline - 1], 'b');
}

TEST(ConfigFaults, CountWhatIsNotShown) {
  const YamlText source{.name = "f.yaml", .text = ""};
  ConfigFaults faults(source);
  for (int i = 0; i < 1000; ++i) faults.add({}, "x");
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.faults().size(), 101U);
    EXPECT_EQ(error.faults().back().message, "f.yaml: 900 more faults are not shown");
  }
}

}  // namespace
}  // namespace llmtrain
