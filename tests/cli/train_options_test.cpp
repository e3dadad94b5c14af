#include "apps/llmtrain/train_options.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gmock/gmock.h>

#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

using testing::HasSubstr;

TrainOptions parse(std::vector<std::string> arguments) {
  CLI::App app("test", "test");
  TrainOptions options;
  add_train_options(app, options);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
  app.parse(arguments);
  return options;
}

TEST(TrainOptions, HaveDefaults) {
  const auto options = parse({"p.yaml"});
  EXPECT_EQ(options.pipeline.path, "p.yaml");
  EXPECT_EQ(options.resume, "auto");
  EXPECT_EQ(options.log_format, "text");
  EXPECT_FALSE(options.dry_run || options.accept_data_change || options.accept_non_finite || options.shared.quiet);
}

TEST(TrainOptions, TakeEachOption) {
  const auto options =
      parse({"--set", "a=1", "--set", "b=[1, 2]", "-q", "--progress", "lines", "--resume", "never", "--dry-run",
             "--accept-data-change", "--accept-non-finite", "--log-format", "json", "p.yaml"});
  EXPECT_THAT(options.pipeline.overrides, testing::ElementsAre("a=1", "b=[1, 2]"));
  EXPECT_TRUE(options.dry_run && options.accept_data_change && options.accept_non_finite && options.shared.quiet);
  EXPECT_EQ(options.shared.progress, "lines");
  EXPECT_EQ(options.resume, "never");
  EXPECT_EQ(options.log_format, "json");
}

TEST(TrainOptions, RefuseAnotherLogFormat) { EXPECT_THROW(parse({"p.yaml", "--log-format", "xml"}), CLI::ParseError); }

TrainOptions of_file(const std::string& path) {
  TrainOptions options;
  options.pipeline.path = path;
  return options;
}

void expect_same(const TrainOptions& a, const TrainOptions& b) {
  EXPECT_EQ(a.pipeline.path, b.pipeline.path);
  EXPECT_EQ(a.pipeline.overrides, b.pipeline.overrides);
  EXPECT_EQ(a.shared.quiet, b.shared.quiet);
  EXPECT_EQ(a.shared.progress, b.shared.progress);
  EXPECT_EQ(a.resume, b.resume);
  EXPECT_EQ(a.dry_run, b.dry_run);
  EXPECT_EQ(a.accept_data_change, b.accept_data_change);
  EXPECT_EQ(a.accept_non_finite, b.accept_non_finite);
  EXPECT_EQ(a.log_format, b.log_format);
}

TEST(TrainOptions, AreReadAgainFromTheirArguments) {
  expect_same(parse(to_arguments(of_file("p.yaml"))), of_file("p.yaml"));
  TrainOptions all = of_file("p q.yaml");
  all.pipeline.overrides = {"a=1", "b=[x, \"y z\"]", "c==", "d=-1"};
  all.shared.quiet = true;
  all.shared.progress = "off";
  all.resume = "runs/a b/pretrain";
  all.dry_run = all.accept_data_change = all.accept_non_finite = true;
  all.log_format = "json";
  expect_same(parse(to_arguments(all)), all);
}

// One flag at a time, so that none stands in for another.
TEST(TrainOptions, KeepTheirFlagsApart) {
  for (bool TrainOptions::*flag :
       {&TrainOptions::dry_run, &TrainOptions::accept_data_change, &TrainOptions::accept_non_finite}) {
    TrainOptions options = of_file("p.yaml");
    options.*flag = true;
    expect_same(parse(to_arguments(options)), options);
  }
}

TEST(TrainOptions, KeepValuesThatBeginWithAHyphen) {
  TrainOptions odd = of_file("-p.yaml");
  odd.pipeline.overrides = {"-a=1", "--set=2"};
  odd.resume = "--never";
  expect_same(parse(to_arguments(odd)), odd);
}

TEST(CheckResumeOption, TakesAutoNeverAndAFolder) {
  const TempDir folder;
  for (const std::string& resume : {std::string("auto"), std::string("never"), folder.path().string()}) {
    EXPECT_NO_THROW(check_resume_option(resume)) << resume;
  }
  EXPECT_EQ(error_of(ExitCode::kUsage, [] { check_resume_option("nevr"); }),
            "--resume: expected auto, never, or the path of a checkpoint or stage folder, got 'nevr'; did you mean "
            "'never'?");
  const auto file = folder.write("file", "").string();
  EXPECT_THAT(error_of(ExitCode::kUsage, [&] { check_resume_option(file); }), HasSubstr("got '" + file + "'"));
}

}  // namespace
}  // namespace llmtrain
