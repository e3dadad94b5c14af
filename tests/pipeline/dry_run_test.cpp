#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>

#include <gmock/gmock.h>

#include "lib/base/text.h"
#include "tests/pipeline/training_run.h"

// A dry run says all that a run would come to before its first weight, and leaves nothing.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Every name below a folder but those of the test's own streams.
std::vector<std::string> everything_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto name = fs::relative(entry.path(), folder).string();
    if (!name.starts_with("err-") && !name.starts_with("out-")) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(DryRun, OfARunThatNeverWasSaysWhatItWouldBeAndLeavesNothing) {
  std::string pipeline = kTinyPipeline;
  pipeline.replace(pipeline.find("steps: 24"), 9, "epochs: 2");
  const TrainingFolder run(pipeline);
  const auto result = run.run({.arguments = {"--dry-run"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(everything_in(run.path()), ElementsAre("data.jsonl", "p.yaml"));
  for (const char* part : {"dry run: model: 2 layers, width 32, 2 heads, vocabulary ",
                           "rows of 32 tokens to train on; the run makes 2.01 passes over them; ",
                           "dry run: memory: needs about ", "dry run: disk: 4 checkpoints and the result need ",
                           "dry run: would begin at the first step; nothing was written"}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
}

// The need for space is that of the checkpoints which the run then writes: weights.safetensors holds the weights alone.
TEST(DryRun, CountsTheBytesOfCheckpoints) {
  for (const char* optimizer : {"adamw", "muon"}) {
    TrainingFolder run;
    run.set(std::string("pretrain.optim.name=") + optimizer).set("pretrain.checkpoint.keep=2");
    run.set("pretrain.checkpoint.keep_best=false");
    const auto dry = run.run({.arguments = {"--dry-run"}});
    EXPECT_EQ(run.run().exit_code, 0);
    const auto data_of = [&](const char* file) {
      const auto bytes = slurp(run.checkpoint(kTinySteps) / file);
      std::uint64_t header = 0;
      std::memcpy(&header, bytes.data(), sizeof header);
      return bytes.size() - sizeof header - header;
    };
    const auto weights = data_of("weights.safetensors");
    const auto moments = data_of("optimizer.safetensors");
    const auto need = human_bytes(3 * (weights + moments) + 2 * weights);
    EXPECT_THAT(dry.err, HasSubstr("dry run: disk: 3 checkpoints and the result need " + need + ",")) << optimizer;
  }
}

TEST(DryRun, FindsWhatIsPreparedAndChangesNothingOfIt) {
  TrainingFolder run;
  run.stop_after(8);
  const auto names = everything_in(run.path());
  const auto files = all_files(run.path() / "runs");
  const auto cache = all_files(run.path() / ".cache");
  const auto result = run.run({.arguments = {"--dry-run"}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("dry run: would go on after step 8; nothing was written"));
  EXPECT_THAT(result.err, Not(HasSubstr("tokenizing")));
  EXPECT_THAT(result.err, Not(HasSubstr("counting characters")));
  EXPECT_EQ(everything_in(run.path()), names);
  EXPECT_TRUE(all_files(run.path() / "runs") == files);
  EXPECT_TRUE(all_files(run.path() / ".cache") == cache);
}

TEST(DryRun, RefusesWhatTheRunWouldRefuse) {
  TrainingFolder run;
  run.stop_after(8);
  const auto names = everything_in(run.path());
  TrainingFolder& changed = run.set("pretrain.optim.lr=1e-3");
  const auto result = changed.run({.arguments = {"--dry-run"}});
  EXPECT_EQ(result.exit_code, 6);
  EXPECT_THAT(result.err, HasSubstr("'pretrain.optim.lr' was 0.003, is 0.001"));
  EXPECT_EQ(everything_in(run.path()), names);
  std::ofstream(run.path() / "data.jsonl", std::ios::app) << "{\"text\": 1}\n";
  const auto bad = run.run({.arguments = {"--dry-run", "--resume", "never"}});
  EXPECT_EQ(bad.exit_code, 3);
  EXPECT_THAT(bad.err, HasSubstr("data.jsonl:61"));
  EXPECT_EQ(everything_in(run.path()), names);
}

TEST(DryRun, LeavesNothingWhereItIsStopped) {
  TrainingFolder run;
  std::ofstream text(run.path() / "long.txt");
  for (int line = 0; line < 400000; ++line) text << "the old cat " << line << " sat on the red mat\n";
  text.close();
  run.set("pretrain.data.train=[{path: long.txt}]");
  const auto training = run.start({.arguments = {"--dry-run"}});
  ASSERT_TRUE(training->wait_until([&] {
    for (const auto& name : names_in(run.path())) {
      if (name.starts_with(".llmtrain-dry-run-")) return true;
    }
    return false;
  }));
  training->signal(SIGTERM);
  const auto result = training->wait();
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(everything_in(run.path()), ElementsAre("data.jsonl", "long.txt", "p.yaml"));
}

}  // namespace
}  // namespace llmtrain
