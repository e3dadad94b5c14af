#include "lib/io/glob.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> expand_in(const TempDir& dir, const std::string& pattern) {
  std::vector<std::string> names;
  for (const auto& path : expand_glob((dir / pattern).string())) {
    names.push_back(path.lexically_relative(dir.path()).string());
  }
  return names;
}

TEST(GlobMatches, KnowsStarQuestionAndSets) {
  struct Case {
    const char* pattern;
    const char* name;
    bool matches;
  };
  for (const auto& c : std::vector<Case>{{"*.txt", "a.txt", true},
                                         {"*.txt", "a.txt.gz", false},
                                         {"*", "", true},
                                         {"a*b*c", "aXbYbZc", true},
                                         {"a*b*c", "aXbYbZ", false},
                                         {"?", "a", true},
                                         {"?", "", false},
                                         {"?", "ab", false},
                                         {"?", "\xed\x95\x9c", true},
                                         {"[ab]", "b", true},
                                         {"[ab]", "c", false},
                                         {"[a-c]x", "bx", true},
                                         {"[!a-c]x", "bx", false},
                                         {"[^a-c]x", "dx", true},
                                         {"[]]", "]", true},
                                         {"[!]]", "]", false},
                                         {"[a-]", "-", true},
                                         {"a[b", "a[b", true},
                                         {"[가-힣]", "한", true},
                                         {"[가-힣]", "a", false},
                                         {"*", ".hidden", false},
                                         {".*", ".hidden", true},
                                         {"?hidden", ".hidden", false},
                                         {"shard-0[0-4].txt", "shard-05.txt", false},
                                         {"shard-0[0-4].txt", "shard-04.txt", true},
                                         {"**", "ab", true}}) {
    EXPECT_EQ(glob_matches(c.pattern, c.name), c.matches) << c.pattern << " on " << c.name;
  }
}

TEST(GlobMatches, IsNotExponentialInStars) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(4000, 'a')));
}

TEST(ExpandGlob, SortsByBytesAndTakesNoFolder) {
  const TempDir dir;
  for (const auto* name : {"b.txt", "a.txt", "B.txt", "a.md", ".hidden.txt", "sub.txt/x"}) dir.write(name, "x");
  EXPECT_THAT(expand_in(dir, "*.txt"), ElementsAre("B.txt", "a.txt", "b.txt"));
  EXPECT_THAT(expand_in(dir, "*.none"), IsEmpty());
  EXPECT_THAT(expand_in(dir, "nowhere/*"), IsEmpty());
}

TEST(ExpandGlob, TwoStarsCrossFolders) {
  const TempDir dir;
  for (const auto* name : {"a.txt", "x/a.txt", "x/y/a.txt", "x/y/b.txt", ".git/a.txt"}) dir.write(name, "x");
  EXPECT_THAT(expand_in(dir, "**/a.txt"), ElementsAre("a.txt", "x/a.txt", "x/y/a.txt"));
  EXPECT_THAT(expand_in(dir, "**/**/y/**/b.txt"), ElementsAre("x/y/b.txt"));
  EXPECT_THAT(expand_in(dir, "x/**"), ElementsAre("x/a.txt", "x/y/a.txt", "x/y/b.txt"));
  EXPECT_THAT(expand_in(dir, "*/a.txt"), ElementsAre("x/a.txt"));
  EXPECT_THAT(expand_in(dir, ".git/*"), ElementsAre(".git/a.txt"));
}

TEST(ExpandGlob, FollowsLinksToFilesAndNotInCircles) {
  const TempDir dir;
  dir.write("x/a.txt", "x");
  fs::create_symlink(dir / "x/a.txt", dir / "link.txt");
  fs::create_directory_symlink(dir.path(), dir / "x/round");
  EXPECT_THAT(expand_in(dir, "**/*.txt"), ElementsAre("link.txt", "x/a.txt"));
  EXPECT_THAT(expand_in(dir, "x/round/*.txt"), ElementsAre("x/round/link.txt"));
}

TEST(ListTree, PassesOverHiddenNamesAndCircles) {
  const TempDir dir;
  for (const auto* name : {"b", "a/c", ".x", ".git/y"}) dir.write(name, "x");
  fs::create_directory_symlink(dir.path(), dir / "a/round");
  EXPECT_THAT(list_tree(dir.path()), ElementsAre(dir / "a/c", dir / "b"));
}

}  // namespace
}  // namespace llmtrain
