#include "lib/checkpoint/retention.h"

#include <fstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "tests/checkpoint/sample_checkpoint.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::int64_t> steps_in(const fs::path& folder) {
  std::vector<std::int64_t> steps;
  for (const auto& entry : list_checkpoints(folder)) steps.push_back(entry.step);
  return steps;
}

void save_samples(const fs::path& folder, std::int64_t last) {
  for (std::int64_t step = 1; step <= last; ++step) save_sample(folder, step);
}

void damage(const fs::path& folder, std::int64_t step) {
  std::ofstream(folder / checkpoint_name(step) / "part0.safetensors", std::ios::app) << "x";
}

// A folder with names that look like ours and are not.
const std::vector<std::string> kForeign = {"best",         "model.step-3", "step-",       "step--4",
                                           "step-+4",      "step-007",     "step-3.old",  "step-3.tmp-",
                                           "step-3.tmp-x", "step-4x",      "step-9.json", "xstep-3.tmp-1"};

void make_foreign(const fs::path& folder) {
  for (const auto& name : kForeign) fs::create_directory(folder / name);
}

TEST(ListCheckpoints, GivesFoldersOfStepsFromTheNewest) {
  const TempDir folder;
  make_foreign(folder.path());
  for (const auto* step : {"step-9", "step-10", "step-0", "step-9223372036854775807"}) {
    fs::create_directory(folder / step);
  }
  folder.write("step-11", "a file");
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(9223372036854775807, 10, 9, 0));
}

TEST(ListCheckpoints, FindsNoneWhereThereIsNoFolder) {
  const TempDir folder;
  EXPECT_THAT(steps_in(folder / "none"), IsEmpty());
}

TEST(ListCheckpoints, DoesNotTakeAFolderThatCannotBeReadForAnEmptyOne) {
  const TempDir folder;
  const auto file = folder.write("file", "");
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { list_checkpoints(file); }), HasSubstr("Not a directory"));
}

TEST(CleanTemporary, RemovesWhatKilledSavesLeftAndNothingElse) {
  const TempDir folder;
  save_samples(folder.path(), 2);
  make_foreign(folder.path());
  auto expected = names_in(folder.path());
  for (const auto* name : {"step-3.tmp-17", "step-3.old-17", "step-1.old-4194304"}) {
    folder.write(std::string(name) + "/deep/file", "bytes");
  }
  folder.write("target/kept", "bytes");
  expected.push_back("target");
  fs::create_directory_symlink(folder / "target", folder / "step-5.tmp-1");
  clean_temporary(folder.path());
  EXPECT_THAT(names_in(folder.path()), testing::UnorderedElementsAreArray(expected));
  EXPECT_TRUE(fs::exists(folder / "target/kept"));
}

TEST(CleanTemporary, SaysThatThereIsNoFolder) {
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kStorage, [&] { clean_temporary(folder / "none"); }), HasSubstr("none"));
}

TEST(Prune, KeepsTheNewestAndTheStepsNamed) {
  const TempDir folder;
  save_samples(folder.path(), 8);
  prune(folder.path(), 3, {2, 7, 99});
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(8, 7, 6, 2));
  prune(folder.path(), 3, {});
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(8, 7, 6));
  prune(folder.path(), 4, {});
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(8, 7, 6));
  EXPECT_EQ(faults_in(folder.path()), "");
}

TEST(Prune, KeepsTwoWholeOnesHoweverManyAreDamaged) {
  const TempDir folder;
  save_samples(folder.path(), 7);
  for (const auto step : {7, 6, 4}) damage(folder.path(), step);
  prune(folder.path(), 2, {});
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(7, 6, 5, 4, 3));
}

TEST(Prune, RemovesNothingWhereOnlyOneIsWhole) {
  const TempDir folder;
  save_samples(folder.path(), 5);
  for (const auto step : {5, 4, 3, 2}) damage(folder.path(), step);
  prune(folder.path(), 2, {});
  EXPECT_THAT(steps_in(folder.path()), ElementsAre(5, 4, 3, 2, 1));
}

TEST(Prune, LeavesForeignNames) {
  const TempDir folder;
  make_foreign(folder.path());
  save_samples(folder.path(), 4);
  prune(folder.path(), 2, {});
  auto expected = kForeign;
  expected.insert(expected.end(), {"step-3", "step-4"});
  EXPECT_THAT(names_in(folder.path()), testing::UnorderedElementsAreArray(expected));
}

TEST(Prune, KilledAtAnyMomentLeavesNoHalfCheckpoint) {
  const TempDir first;
  save_samples(first.path(), 12);
  const TempDir folder;
  int filled = 0;
  const auto fill = [&] {
    clean_temporary(folder.path());
    if (list_checkpoints(folder.path()).size() > 3) return;
    ++filled;
    fs::copy(first.path(), folder.path(), fs::copy_options::recursive | fs::copy_options::skip_existing);
  };
  fill();
  const auto one_prune = time_of([&] { prune(folder.path(), 2, {}); });
  fill();
  kill_again_and_again(
      {.rounds = 40, .longest = 2 * one_prune}, [&] { prune(folder.path(), 2, {}); },
      [&] {
        EXPECT_EQ(faults_in(folder.path()), "");
        const auto steps = steps_in(folder.path());
        EXPECT_GE(steps.size(), 2U);
        EXPECT_EQ(steps.back(), 13 - static_cast<std::int64_t>(steps.size()));  // the oldest went first
        fill();
      });
  EXPECT_GT(filled, 2);  // some came to their end
}

}  // namespace
}  // namespace llmtrain
