#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "lib/base/parallel.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string kFront = LLMTRAIN_BINARY_DIR "/llmtrain";
const std::string kEngine = LLMTRAIN_BINARY_DIR "/llmtrain-engine";

nlohmann::json doctor_report() {
  const auto result = run_program({kEngine, "doctor", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out);
}

std::string libraries_of(const std::string& program) {
  const auto result = run_program({"/usr/bin/ldd", program});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

std::size_t count(const std::string& text, const std::string& word) {
  std::size_t found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(Doctor, FindsExactlyOneOpenmpRuntimeAfterParallelWork) {
  const auto report = doctor_report();
  ASSERT_THAT(report.at("openmp_runtimes"), SizeIs(1));
}

TEST(Doctor, UsesTheOpenmpRuntimeOfLibtorchWhereItBringsOne) {
  const auto report = doctor_report();
  const fs::path libtorch = report.at("libtorch").at("path").get<std::string>();
  bool brings_one = false;
  for (const auto& entry : fs::directory_iterator(libtorch.parent_path())) {
    brings_one = brings_one || entry.path().filename().string().starts_with("libgomp");
  }
  if (!brings_one) GTEST_SKIP() << libtorch << " has no OpenMP runtime beside it";
  const fs::path runtime = report.at("openmp_runtimes").at(0).get<std::string>();
  EXPECT_EQ(runtime.parent_path(), libtorch.parent_path());
}

TEST(Doctor, LinksOneOpenmpRuntime) { EXPECT_EQ(count(libraries_of(kEngine), "libgomp"), 2U) << "one line, two names"; }

// A second runtime under another name, as a program linked with -fopenmp against a LibTorch that renames its own has.
TEST(Doctor, RefusesASecondOpenmpRuntime) {
  const std::string name = "libgomp.so.1";
  const auto report = doctor_report();
  std::string bytes = slurp(report.at("openmp_runtimes").at(0).get<std::string>());
  for (auto at = bytes.find(name); at != std::string::npos; at = bytes.find(name, at + 1)) bytes[at + 11] = '7';
  const TempDir folder;
  const auto second = folder.write("libgomp.so.7", bytes);

  ProgramOptions options;
  options.environment["LD_PRELOAD"] = second.string();
  const auto result = run_program({kEngine, "doctor"}, options);
  EXPECT_EQ(result.exit_code, 70);
  EXPECT_THAT(result.err, HasSubstr("llmtrain: error: 2 OpenMP runtimes in the process, expected 1"));
  EXPECT_THAT(result.err, HasSubstr(second.string()));
  EXPECT_THAT(result.out, HasSubstr("libtorch"));
}

TEST(Doctor, ReportsTheProcessorsItMayUse) {
  const auto report = doctor_report();
  EXPECT_EQ(report.at("processors").at("allowed"), available_processors());
}

TEST(Doctor, HasSetEveryThreadToWork) {
  const auto report = doctor_report();
  ASSERT_GE(report.at("threads"), 1);
  EXPECT_GE(report.at("process_threads"), report.at("threads"));
}

TEST(Doctor, SeesAnAffinityMask) {
  const auto result = run_program({"/usr/bin/taskset", "--cpu-list", "0", kEngine, "doctor", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("processors").at("allowed"), 1);
}

// A single product of 1024 takes 2 GFLOP; a machine that needs a second for it has no vector unit.
TEST(Doctor, MeasuresProductsAndTheDisk) {
  const auto report = doctor_report();
  EXPECT_GT(report.at("flops_per_second").at("fp32"), 1e9);
  EXPECT_GT(report.at("flops_per_second").at("bf16"), 1e8);
  EXPECT_GT(report.at("disk_bytes_per_second"), 1e5);
}

TEST(Doctor, SaysWhatToMend) {
  ProgramOptions options;
  options.environment["OMP_NUM_THREADS"] = "1";
  const auto result = run_program({kEngine, "doctor", "--json"}, options);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out);
  EXPECT_EQ(report.at("chosen").at("threads"), 1);
  if (available_processors() == 1) GTEST_SKIP() << "needs two processors";
  EXPECT_THAT(report.at("mend").dump(), HasSubstr("OMP_NUM_THREADS"));
  const auto bound = run_program({"/usr/bin/taskset", "--cpu-list", "0", kEngine, "doctor"});
  EXPECT_THAT(bound.out, HasSubstr("mend         only 1 of "));
}

TEST(Doctor, LoadsTheLibtorchItWasCompiledAgainst) {
  const auto libtorch = doctor_report().at("libtorch");
  EXPECT_EQ(libtorch.at("version"), libtorch.at("compiled_against"));
}

TEST(Engine, UnknownWordsAreUsageErrors) {
  EXPECT_EQ(run_program({kEngine}).exit_code, 2);
  EXPECT_EQ(run_program({kEngine, "docter"}).exit_code, 2);
  EXPECT_THAT(run_program({kEngine, "docter"}).err, HasSubstr("unknown command 'docter'"));
  EXPECT_EQ(run_program({kEngine, "doctor", "--jsn"}).exit_code, 2);
  EXPECT_EQ(run_program({kEngine, "doctor", "--json", "more"}).exit_code, 2);
}

TEST(Engine, SpeaksAsTheFrontDoes) {
  EXPECT_EQ(run_program({kEngine, "doctr"}).err,
            "llmtrain: error: unknown command 'doctr'; did you mean 'doctor'?; try 'llmtrain-engine --help'\n");
  ProgramOptions options;
  options.environment["LLMTRAIN_HUGE_PAGE"] = "0";
  const auto result = run_program({kEngine, "doctor"}, options);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("did you mean 'LLMTRAIN_HUGE_PAGES'?"));
  EXPECT_THAT(run_program({kEngine, "--version"}).out, testing::StartsWith("llmtrain-engine "));
}

TEST(Engine, FailsWhereItsOutputCannotBeWritten) {
  const auto result = run_program({"/bin/sh", "-c", kEngine + " doctor > /dev/full"});
  EXPECT_EQ(result.exit_code, 5);
}

TEST(Front, HandsDoctorToTheEngine) {
  const auto result = run_program({kFront, "doctor", "--json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(nlohmann::json::parse(result.out).at("libtorch"), doctor_report().at("libtorch"));
}

TEST(Front, LinksNothingOfLibtorch) {
  const auto libraries = libraries_of(kFront);
  EXPECT_THAT(libraries, HasSubstr("libc.so"));
  for (const auto* name : {"libtorch", "libc10", "libgomp"}) EXPECT_THAT(libraries, Not(HasSubstr(name)));
}

}  // namespace
}  // namespace llmtrain
