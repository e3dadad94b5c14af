#include "lib/metrics/stage_record.h"

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kConfig = R"(model: {preset: llama-2m}
pretrain:
  data: {train: [{path: a.txt}]}
  sequence_length: 64
  batch_tokens: 256
  steps: 3
  samples: {every_steps: 10, prompts: ["the ", "5 + 6 ="]}
)";

TEST(StageRecord, ReadsAFolderThatHasNothingAndSaysSo) {
  const TempDir folder;
  const auto record = read_stage(folder.path());
  EXPECT_TRUE(record.metrics.train.empty());
  EXPECT_TRUE(record.result.is_null()) << "a run that goes on has none, and that is no lack";
  std::vector<std::string> files;
  for (const char* name : {"metrics.jsonl", "config.yaml", "run.json", "env.json", "train.log"}) {
    files.emplace_back(std::string(name) + ": not there");
  }
  EXPECT_THAT(record.missing, testing::ElementsAreArray(files));
}

TEST(StageRecord, IsNamedByItsFolders) {
  const TempDir folder;
  folder.write("runs/quick/pretrain/config.yaml", "");
  const auto record = read_stage(folder / "runs/quick/pretrain/");
  EXPECT_EQ(record.run, "quick");
  EXPECT_EQ(record.stage, "pretrain");
}

TEST(StageRecord, SaysThatAFileIsDamaged) {
  const TempDir folder;
  folder.write("result.json", "{\"status\": \"do");
  folder.write("run.json", "[1]");
  const auto record = read_stage(folder.path());
  EXPECT_TRUE(record.result.is_null());
  EXPECT_THAT(record.missing, testing::Contains("result.json: is not a JSON object"));
  EXPECT_THAT(record.missing, testing::Contains("run.json: is not a JSON object"));
}

TEST(StageRecord, ForgetsAResultThatTheRunWentBeyond) {
  const TempDir folder;
  folder.write("result.json", "{\"status\": \"done\", \"step\": 10}");
  folder.write("metrics.jsonl", "{\"step\":10,\"split\":\"train\",\"loss\":1.0}\n");
  EXPECT_TRUE(read_stage(folder.path()).result.is_object());
  folder.write("metrics.jsonl", "{\"step\":11,\"split\":\"train\",\"loss\":1.0}\n");
  EXPECT_TRUE(read_stage(folder.path()).result.is_null());
}

TEST(StageRecord, TakesEachWarningOfTheLogOnce) {
  const TempDir folder;
  folder.write("train.log",
               "2026-01-01T00:00:00Z warning: a\n2026-01-01T00:00:01Z step 1\n2026-01-01T00:00:02Z warning: b\n"
               "2026-01-01T00:00:03Z warning: a\n2026-01-01T00:00:04Z sample: warning: no\n");
  const auto record = read_stage(folder.path());
  EXPECT_THAT(record.warnings, ElementsAre("b", "a (2 times)"));
  EXPECT_EQ(record.error, std::nullopt);
}

TEST(StageRecord, ShowsTheLastWarningsOfMany) {
  const TempDir folder;
  std::string log;
  for (int i = 0; i < 100; ++i) log += fmt::format("2026-01-01T00:00:00Z warning: number {}\n", i);
  folder.write("train.log", log);
  const auto warnings = read_stage(folder.path()).warnings;
  ASSERT_THAT(warnings, SizeIs(31));
  EXPECT_EQ(warnings.front(), "70 warnings before these: see train.log");
  EXPECT_EQ(warnings.back(), "number 99");
}

TEST(StageRecord, KnowsAnErrorThatNothingCameAfter) {
  const TempDir folder;
  const std::string error = "2026-01-01T00:00:00Z error: step 3: the update is not finite\n";
  folder.write("train.log", error);
  EXPECT_EQ(read_stage(folder.path()).error, "step 3: the update is not finite");
  folder.write("train.log", error + "2026-01-01T00:01:00Z resuming after step 2\n");
  EXPECT_EQ(read_stage(folder.path()).error, std::nullopt);
}

TEST(StageRecord, SplitsAPageOfSamplesByItsPrompts) {
  const TempDir folder;
  folder.write("pretrain/config.yaml", kConfig);
  folder.write("pretrain/samples/step-10.txt", "the cat\n\nsat\n\n5 + 6 = 11\n\n");
  const auto samples = read_stage(folder / "pretrain").samples;
  ASSERT_THAT(samples, SizeIs(2));
  EXPECT_EQ(samples[0].step, 10);
  EXPECT_EQ(samples[0].prompt, "the ");
  EXPECT_EQ(samples[0].text, "cat\n\nsat");
  EXPECT_EQ(samples[1].prompt, "5 + 6 =");
  EXPECT_EQ(samples[1].text, " 11");
}

TEST(StageRecord, ShowsAPageThatDoesNotFitThePromptsWhole) {
  const TempDir folder;
  folder.write("pretrain/config.yaml", kConfig);
  folder.write("pretrain/samples/step-10.txt", "another text\n\n");
  const auto samples = read_stage(folder / "pretrain").samples;
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_EQ(samples[0].prompt, "");
  EXPECT_EQ(samples[0].text, "another text");
}

TEST(StageRecord, ChoosesEvenlyAmongManySamplesByTheirSteps) {
  const TempDir folder;
  for (int i = 0; i < 91; ++i) folder.write(fmt::format("samples/step-{}.txt", 100 * i), "text\n\n");
  folder.write("samples/notes.txt", "no sample");
  folder.write("samples/step-x.txt", "no sample");
  std::vector<std::int64_t> steps;
  for (const auto& sample : read_stage(folder.path()).samples) steps.push_back(sample.step);
  EXPECT_THAT(steps, ElementsAre(0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000));
}

TEST(StageRecord, CutsAHugeSampleBetweenCharacters) {
  const TempDir folder;
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "語";
  folder.write("samples/step-1.txt", text);
  const auto samples = read_stage(folder.path()).samples;
  ASSERT_THAT(samples, SizeIs(1));
  EXPECT_LT(samples[0].text.size(), 10000U);
  EXPECT_TRUE(samples[0].text.ends_with("語…"));
}

TEST(StageFolders, AreThoseOfTheRunInThePipelinesOrder) {
  const TempDir folder;
  for (const char* name : {"sft/config.yaml", "pretrain/metrics.jsonl", "pretrain.old-1/config.yaml",
                           "tokenizer/tokenizer.json", "dpo/config.yaml"}) {
    folder.write(name, "");
  }
  EXPECT_THAT(stage_folders(folder.path()), ElementsAre(folder / "pretrain", folder / "sft", folder / "dpo"));
  EXPECT_THAT(stage_folders(folder / "none"), IsEmpty());
  EXPECT_FALSE(is_stage_folder(folder.path()));
}

}  // namespace
}  // namespace llmtrain
