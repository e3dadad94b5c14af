#include <gmock/gmock.h>

#include "lib/config/pipeline_config.h"
#include "tests/house/house_rules.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::filesystem::path kRoot = LLMTRAIN_SOURCE_DIR;

TEST(Layers, HoldInThisTree) { EXPECT_THAT(forbidden_includes(kRoot), IsEmpty()); }

TEST(Layers, FailOnAnIncludeToTheRight) {
  const TempDir tree;
  tree.write("lib/base/a.h", "#include \"lib/config/b.h\"\n");
  tree.write("lib/config/b.h", "#include \"lib/base/a.h\"\n");
  EXPECT_THAT(forbidden_includes(tree.path()), ElementsAre("lib/base/a.h:1: 'base' may not include 'lib/config/b.h'"));
}

TEST(Layers, FailOnASiblingAnAppAndAnUnknownRoom) {
  const TempDir tree;
  tree.write("lib/io/a.h", "\n#include \"lib/tokenizer/b.h\"\n");
  tree.write("lib/data/c.cpp", "#include \"apps/llmtrain/commands.h\"\n");
  tree.write("lib/utils/d.h", "");
  EXPECT_THAT(forbidden_includes(tree.path()),
              ElementsAre("lib/data/c.cpp:1: 'data' may not include 'apps/llmtrain/commands.h'",
                          "lib/io/a.h:2: 'io' may not include 'lib/tokenizer/b.h'",
                          "lib/utils/d.h: room 'utils' has no place in the order of rooms"));
}

TEST(Layers, FailOnAnIncludeWithoutItsFullPathAndOnTests) {
  const TempDir tree;
  tree.write("lib/io/a.h", "#include \"../config/b.h\"\n#include \"tests/support/test_support.h\"\n");
  EXPECT_THAT(forbidden_includes(tree.path()),
              ElementsAre("lib/io/a.h:1: '../config/b.h' is not included by its full path",
                          "lib/io/a.h:2: 'io' may not include 'tests/support/test_support.h'"));
}

TEST(Layers, TakeWhatLeadsLeft) {
  const TempDir tree;
  tree.write("lib/data/c.cpp", "#include \"lib/data/c.h\"\n#include \"lib/io/x.h\"\n#include <vector>\n");
  tree.write("apps/llmtrain/main.cpp", "#include \"apps/llmtrain/commands.h\"\n#include \"lib/data/c.h\"\n");
  EXPECT_THAT(forbidden_includes(tree.path()), IsEmpty());
}

TEST(TorchFreeRooms, DoNotReachLibTorch) { EXPECT_THAT(paths_to_libtorch(kRoot), IsEmpty()); }

TEST(TorchFreeRooms, FailOnADirectAndAnIndirectPath) {
  const TempDir tree;
  tree.write("lib/io/a.h", "#include <ATen/ATen.h>\n");
  tree.write("lib/data/b.cpp", "#include \"lib/io/a.h\"\n");
  tree.write("lib/ops/c.h", "#include <ATen/ATen.h>\n");
  tree.write("apps/llmtrain/main.cpp", "#include \"lib/ops/c.h\"\n");
  tree.write("apps/engine/main.cpp", "#include \"lib/ops/c.h\"\n");
  EXPECT_THAT(paths_to_libtorch(tree.path()),
              ElementsAre("lib/data/b.cpp:1: -> lib/io/a.h:1: -> ATen/ATen.h", "lib/io/a.h:1: -> ATen/ATen.h",
                          "apps/llmtrain/main.cpp:1: -> lib/ops/c.h:1: -> ATen/ATen.h"));
}

TEST(Files, AreTidyInThisTree) { EXPECT_THAT(untidy_files(kRoot), IsEmpty()); }

TEST(Files, FailWhenLongUnguardedOrNamedTwice) {
  const TempDir tree;
  tree.write("lib/io/a.h", "#pragma once\n" + std::string(600, '\n'));
  tree.write("lib/io/b.h", "\n");
  tree.write("lib/tokenizer/b.h", "#pragma once\n");
  EXPECT_THAT(untidy_files(tree.path()),
              ElementsAre("lib/io/a.h: 601 lines, expected at most 600", "lib/io/b.h: no #pragma once",
                          "lib/tokenizer/b.h: basename is taken by lib/io/b.h"));
}

TEST(Maps, AreTrueInThisTree) { EXPECT_THAT(untrue_maps(kRoot), IsEmpty()); }

TEST(Maps, FailOnAMissingPathAndARoomLeftOut) {
  const TempDir tree;
  tree.write("README.md", "`lib/io`\n`lib/io/gone.h` and `scripts/none.sh`\n");
  tree.write("CONTRIBUTING.md", "see `tests/none`\n");
  tree.write("lib/io/a.h", "");
  tree.write("lib/base/b.h", "");
  EXPECT_THAT(untrue_maps(tree.path()),
              ElementsAre("README.md:2: lib/io/gone.h is not there", "README.md:2: scripts/none.sh is not there",
                          "CONTRIBUTING.md:1: tests/none is not there", "README.md: the map does not name lib/base"));
}

// Walks a config struct and collects what is wrong with how its keys are described.
class DescriptionChecker {
 public:
  explicit DescriptionChecker(std::string path) : path_(std::move(path)) {}

  template <class T, class... Rest>
  void operator()(const std::string& name, T& value, const std::string& description, Rest&&...) {
    const std::string key = path_.empty() ? name : path_ + "." + name;
    if (description.size() < 5 || description.back() != '.')
      faults_.push_back(key + ": no description that is a sentence");
    for (const char c : name) {
      if (c != '_' && (c < 'a' || c > 'z') && (c < '0' || c > '9')) faults_.push_back(key + ": not snake_case");
    }
    descend(key, value);
  }
  const std::vector<std::string>& faults() const { return faults_; }
  std::size_t keys() const { return keys_; }

 private:
  template <class T>
  void descend(const std::string& key, std::optional<T>& value) {
    T inner = value.value_or(T{});
    descend(key, inner);
  }
  template <class T>
  void descend(const std::string& key, std::vector<T>&) {
    T inner{};
    descend(key, inner);
  }
  template <class T>
  void descend(const std::string& key, T& value) {
    ++keys_;
    if constexpr (ConfigStruct<T>) {
      DescriptionChecker checker(key);
      fields(value, checker);
      faults_.insert(faults_.end(), checker.faults_.begin(), checker.faults_.end());
      keys_ += checker.keys_;
    }
  }

  std::string path_;
  std::vector<std::string> faults_;
  std::size_t keys_ = 0;
};

TEST(ConfigKeys, AreAllDescribed) {
  PipelineConfig config;
  DescriptionChecker checker("");
  fields(config, checker);
  EXPECT_THAT(checker.faults(), IsEmpty());
  EXPECT_GT(checker.keys(), 50U);
}

struct Undescribed {
  std::int64_t good = 0;
  std::int64_t Bad = 0;
};
template <class Visitor>
void fields(Undescribed& c, Visitor&& visit) {
  visit("good", c.good, "Is described.");
  visit("Bad", c.Bad, "");
}

TEST(ConfigKeys, FailWithoutADescription) {
  Undescribed config;
  DescriptionChecker checker("section");
  fields(config, checker);
  EXPECT_THAT(checker.faults(),
              ElementsAre("section.Bad: no description that is a sentence", "section.Bad: not snake_case"));
}

}  // namespace
}  // namespace llmtrain
