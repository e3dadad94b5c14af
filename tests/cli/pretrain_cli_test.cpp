#include <algorithm>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/base/parallel.h"
#include "tests/support/test_support.h"

// The front of `llmtrain pretrain`, up to the point where the engine takes over: beside a copy of the front stands a
// program that says what it was started with.
namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kPipeline = R"(model: {preset: llama-2m}
tokenizer: {train: {vocab_size: 2048}}
pretrain:
  data: {train: [{path: a.txt}]}
  sequence_length: 64
  batch_tokens: 256
  steps: 3
)";

class PretrainFront : public testing::Test {
 protected:
  PretrainFront() {
    fs::copy_file(LLMTRAIN_BINARY_DIR "/llmtrain", folder_ / "llmtrain");
    const auto engine = folder_.write("llmtrain-engine",
                                      "#!/bin/sh\n"
                                      "echo \"$0 pid $$\"\n"
                                      "for word in \"$@\"; do echo \"[$word]\"; done\n"
                                      "env | grep -E '^(OMP|MKL|GOMP|MALLOC)_' | sort\n"
                                      "exit 75\n");
    fs::permissions(engine, fs::perms::owner_all);
    folder_.write("p.yaml", kPipeline);
  }

  ProgramResult start(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
    arguments.insert(arguments.begin(), {(folder_ / "llmtrain").string(), "pretrain"});
    return run_program(arguments, {.directory = folder_.path(), .environment = std::move(environment), .input = ""});
  }

  TempDir folder_;
};

TEST_F(PretrainFront, BecomesTheEngineWithTheSameArguments) {
  const auto result = start({"p.yaml", "--set", "pretrain.steps=5", "--resume", "never", "--dry-run",
                             "--accept-data-change", "--log-format", "json", "-q"});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.out, StartsWith((folder_ / "llmtrain-engine").string()));
  EXPECT_THAT(result.out, HasSubstr("\n[pretrain]\n[--set=pretrain.steps=5]\n[--quiet]\n[--progress=auto]\n"
                                    "[--resume=never]\n[--dry-run]\n[--accept-data-change]\n[--log-format=json]\n[--]\n"
                                    "[p.yaml]\n"));
}

TEST_F(PretrainFront, TakesAPathThatBeginsWithAHyphen) {
  folder_.write("-p.yaml", kPipeline);
  const auto result = start({"--", "-p.yaml"});
  EXPECT_EQ(result.exit_code, 75) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\n[--]\n[-p.yaml]\n"));
}

TEST_F(PretrainFront, SetsAThreadForEachProcessorThatItMayUse) {
  const auto all = start({"p.yaml"});
  EXPECT_THAT(all.out, HasSubstr(fmt::format("\nOMP_NUM_THREADS={}\n", available_processors())));
  EXPECT_THAT(all.out, HasSubstr("\nMKL_DYNAMIC=FALSE\n"));
  for (const char* left : {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "MALLOC_ARENA_MAX"}) {
    EXPECT_THAT(all.out, Not(HasSubstr(left)));
  }
  const auto one = start({"p.yaml", "--set", "run.threads=1"});
  EXPECT_THAT(one.out, HasSubstr("\nOMP_NUM_THREADS=1\n"));
  const auto users = start({"p.yaml"}, {{"OMP_NUM_THREADS", "3"}, {"MKL_DYNAMIC", "TRUE"}});
  EXPECT_THAT(users.out, HasSubstr("\nOMP_NUM_THREADS=3\n"));
  EXPECT_THAT(users.out, HasSubstr("\nMKL_DYNAMIC=TRUE\n"));
}

TEST_F(PretrainFront, NamesEveryMistakeBeforeTheEngineStarts) {
  folder_.write("bad.yaml", "run: {sed: 1}\nmodel: {preset: gtp2}\npretrain: {data: {train: [{path: a}]}, step: 1}\n");
  const auto result = start({"bad.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  for (const char* part : {"bad.yaml:1:7: unknown key 'run.sed'; did you mean 'run.seed'?", "did you mean 'gpt2'?",
                           "missing key 'tokenizer'", "unknown key 'pretrain.step'; did you mean 'pretrain.steps'?"}) {
    EXPECT_THAT(result.err, HasSubstr(part));
  }
}

// As all lines of a run, so that who reads them meets no other.
TEST_F(PretrainFront, NamesEveryMistakeAsJsonWhereThatIsAskedFor) {
  folder_.write("bad.yaml", "run: {sed: 1}\nmodel: {preset: gtp2}\ntokenizer: {train: {}}\n");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"bad.yaml", "--log-format", "json"}, {"--log-format=json", "bad.yaml"}}) {
    const auto result = start(arguments);
    EXPECT_EQ(result.exit_code, 2);
    std::istringstream lines(result.err);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const auto object = nlohmann::json::parse(line);
      EXPECT_EQ(object.at("event"), "error");
      EXPECT_EQ(object.at("code"), 2);
      EXPECT_THAT(object.at("text").get<std::string>(), StartsWith("bad.yaml:"));
    }
    EXPECT_EQ(count, 3U);  // two keys and no stage
  }
  const auto usage = start({"--log-format", "json", "--no-such-option"});
  EXPECT_EQ(usage.exit_code, 2);
  EXPECT_THAT(nlohmann::json::parse(usage.err).at("text").get<std::string>(),
              HasSubstr("try 'llmtrain pretrain --help'"));
}

TEST_F(PretrainFront, RefusesAStageThatTheFileDoesNotHave) {
  folder_.write("none.yaml", "model: {preset: gpt2}\ntokenizer: {train: {}}\n");
  const auto result = start({"none.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("llmtrain: error: none.yaml: missing key 'pretrain'"));
  EXPECT_EQ(result.out, "");
}

TEST_F(PretrainFront, RefusesATokenizerThatIsNotThereOrTooLargeForTheModel) {
  const auto none = start({"p.yaml", "--set", "tokenizer={from: none.json}"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("none.json"));
  EXPECT_EQ(none.out, "");
  const auto small = start({"p.yaml", "--set", "model.vocab=2047"});
  EXPECT_EQ(small.exit_code, 2);
  EXPECT_THAT(small.err, HasSubstr("vocab"));
}

TEST_F(PretrainFront, RefusesToResumeFromNowhere) {
  const auto result = start({"p.yaml", "--resume", "nowhere"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("--resume: expected auto, never, or the path"));
  EXPECT_EQ(result.out, "");
}

// 405,853,388,800 parameters of the published model, less 126,208 of 128,256 rows of two tables of 16,384.
TEST_F(PretrainFront, RefusesSizesThatCanNeverFitByArithmetic) {
  const auto result = start({"p.yaml", "--set", "model.preset=llama-3.1-405b", "--set", "run.device=cpu"});
  EXPECT_EQ(result.exit_code, 8);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, HasSubstr("p.yaml:1:1: 'model': 401,717,805,056 parameters"));
  EXPECT_THAT(result.err, HasSubstr("got 5.8 TiB; take a smaller preset"));
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(PretrainFront, SaysWhereTheEngineIsMissing) {
  fs::remove(folder_ / "llmtrain-engine");
  const auto result = start({"p.yaml"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("llmtrain-engine: cannot start: No such file or directory"));
}

TEST(Front, RefusesAVariableOfOursThatNobodyReads) {
  const auto result =
      run_llmtrain({"--version"}, {.directory = ".", .environment = {{"LLMTRAIN_HUGE_PAGE", "0"}}, .input = ""});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      "llmtrain: error: environment: unknown variable 'LLMTRAIN_HUGE_PAGE'; did you mean 'LLMTRAIN_HUGE_PAGES'?\n");
  const auto known =
      run_llmtrain({"--version"}, {.directory = ".", .environment = {{"LLMTRAIN_HUGE_PAGES", "0"}}, .input = ""});
  EXPECT_EQ(known.exit_code, 0);
}

}  // namespace
}  // namespace llmtrain
