#include <fstream>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// What becomes of a run whose tokenized data is damaged (FAULTS, row 50).
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path only_file(const fs::path& folder, const std::string& extension) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) return entry.path();
  }
  ADD_FAILURE() << "no " << extension << " in " << folder;
  return {};
}

TEST(DataCache, CutShortWhileTrainingIsNamedAndMadeAnew) {
  const std::vector<std::pair<std::string, std::string>> kinds = {{"shards", ".tokens"}, {"rows", ".rows"}};
  for (const auto& [folder, extension] : kinds) {
    TrainingFolder run;
    run.set("pretrain.steps=100000");
    const auto training = run.start();
    ASSERT_TRUE(training->wait_until([&] { return training->trains(); })) << training->err();
    fs::resize_file(only_file(run.path() / ".cache/llmtrain" / folder, extension), 0);
    const auto result = training->wait();
    EXPECT_EQ(result.exit_code, 3) << result.err;
    EXPECT_THAT(result.err, HasSubstr(extension + ": cut short while it was read"));
    run.set("pretrain.steps=24");
    run.set("run.name=again");
    EXPECT_EQ(run.run().exit_code, 0);
  }
}

TEST(DataCache, WithOneBitFlippedIsMadeAnewBeforeTrainingGoesOn) {
  const Reference reference;
  TrainingFolder run;
  run.stop_after(12);
  const auto shard = only_file(run.path() / ".cache/llmtrain/shards", ".tokens");
  std::string bytes = slurp(shard);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  std::ofstream(shard, std::ios::binary) << bytes;
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("damaged: its content is not what its digest says; made anew"));
  expect_same(run, reference.folder());
}

}  // namespace
}  // namespace llmtrain
