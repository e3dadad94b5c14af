#include "lib/plan/stage_model.h"

#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

RunConfig run_in(const TempDir& folder) {
  RunConfig run;
  run.dir = folder.path().string();
  run.name = std::string("r");
  return run;
}

TEST(NamedModel, MayBeAModelAStageOrARun) {
  const TempDir folder;
  folder.write("r/pretrain/model/config.json", "{}");
  const auto model = folder / "r/pretrain/model";
  EXPECT_EQ(named_model(model), model);
  EXPECT_EQ(named_model(folder / "r/pretrain"), model);
  EXPECT_EQ(named_model(folder / "r"), model);
}

TEST(NamedModel, SaysWhatIsMissing) {
  const TempDir folder;
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { named_model(folder / "none"); }), HasSubstr("none: no such folder"));
  folder.write("r/pretrain/checkpoints/step-1/manifest.json", "{}");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { named_model(folder / "r"); }), HasSubstr("r: holds no model"));
}

TEST(LastStageModel, IsThatOfTheRun) {
  const TempDir folder;
  folder.write("r/pretrain/model/config.json", "{}");
  EXPECT_EQ(last_stage_model(run_in(folder), "p.yaml"), folder / "r/pretrain/model");
}

TEST(LastStageModel, SaysWhichCommandMakesIt) {
  const TempDir folder;
  const auto run = run_in(folder);
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { last_stage_model(run, "p.yaml"); }),
              HasSubstr("no model was trained there yet; try `llmtrain pretrain p.yaml` first"));
  folder.write("r/pretrain/checkpoints/step-1/manifest.json", "{}");
  EXPECT_THAT(error_of(ExitCode::kInput, [&] { last_stage_model(run, "p.yaml"); }),
              HasSubstr("r/pretrain: is not done yet, so it has no model; try `llmtrain pretrain p.yaml`"));
}

}  // namespace
}  // namespace llmtrain
