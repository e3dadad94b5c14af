#include <filesystem>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// The page that a run leaves behind.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string page_of(const TrainingFolder& run) { return slurp(run.stage() / "report.html"); }

TEST(Report, LiesBesideTheModelOfARunThatIsDone) {
  const TrainingFolder run;
  const auto result = run.run();
  EXPECT_THAT(result.err,
              HasSubstr("; the model is in runs/r/pretrain/model, the report in runs/r/pretrain/report.html"));
  const auto page = page_of(run);
  for (const char* part : {"<h1>r: pretrain</h1>", "<dd>done: all steps taken</dd>", "<dt>steps</dt><dd>24</dd>",
                           "<h3>Loss</h3>", "<h3>Tokens a second</h3>", "<td>forward</td>", "<td>evaluation</td>",
                           "<td>data.jsonl (held out)</td>", "<summary>Step 20</summary>"}) {
    EXPECT_THAT(page, HasSubstr(part));
  }
}

TEST(Report, OfAStoppedRunSaysSoAndTheTimesGoOnAfterIt) {
  const TrainingFolder run;
  run.stop_after(10);
  EXPECT_THAT(page_of(run), HasSubstr("stopped on request after step 10, to be resumed"));
  EXPECT_THAT(page_of(run), HasSubstr("<dd>10 of 24</dd>"));
  EXPECT_EQ(run.run().exit_code, 0);
  EXPECT_THAT(page_of(run), HasSubstr("<dt>resumed</dt><dd>1 time</dd>"));
  int starts = 0;
  for (const auto& line : json_lines(slurp(run.stage() / "metrics.jsonl"))) {
    if (line.contains("start_seconds")) ++starts;
  }
  EXPECT_EQ(starts, 2);
}

TEST(Report, IsThereAfterAnEvaluation) {
  TrainingFolder run;
  run.set("pretrain.steps=1000000").set("pretrain.evaluation.every_steps=5");
  const auto training = run.start();
  ASSERT_TRUE(training->wait_until([&] { return fs::exists(run.stage() / "report.html"); }));
  EXPECT_THAT(page_of(run), HasSubstr("<dt>state</dt><dd>not finished as of "));
}

TEST(Report, OfARunThatEndedByAnErrorNamesIt) {
  TrainingFolder run;
  run.set("pretrain.guard={max_non_finite: 0}");
  const auto result = run.run({.environment = hooks("nan_gradient_at_step=3")});
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(page_of(run), HasSubstr("<dd>ended by an error: step 4: the update is not finite"));
}

TEST(Report, ThatCannotBeWrittenIsWarnedOfAndTrainingGoesOn) {
  const TrainingFolder run;
  fs::create_directories(run.stage() / "report.html");
  const auto result = run.run();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("llmtrain: warning: runs/r/pretrain/report.html"));
  EXPECT_THAT(result.err, HasSubstr("; training goes on"));
  EXPECT_THAT(result.err, HasSubstr("the model is in runs/r/pretrain/model\n"));
}

}  // namespace
}  // namespace llmtrain
