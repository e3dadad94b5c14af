#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/parallel.h"
#include "lib/base/text.h"
#include "tests/support/test_support.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

const std::string kFront = LLMTRAIN_BINARY_DIR "/llmtrain";
const std::string kEngine = LLMTRAIN_BINARY_DIR "/llmtrain-engine";

nlohmann::json report_of(const std::vector<std::string>& command, const ProgramOptions& options = {}) {
  const auto result = run_program(command, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
}

// Of a process like all others; it measures, so one serves all tests.
const nlohmann::json& doctor_report() {
  static const auto report = report_of({kEngine, "doctor", "--json"});
  return report;
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
  const auto report = report_of({"/usr/bin/taskset", "--cpu-list", "0", kEngine, "doctor", "--json"});
  EXPECT_EQ(report.at("processors").at("allowed"), 1);
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
  const auto report = report_of({kEngine, "doctor", "--json"}, options);
  EXPECT_EQ(report.at("chosen").at("threads"), 1);
  if (available_processors() == 1) GTEST_SKIP() << "needs two processors";
  EXPECT_THAT(report.at("mend").dump(), HasSubstr("OMP_NUM_THREADS"));
  const auto bound = run_program({"/usr/bin/taskset", "--cpu-list", "0", kEngine, "doctor"});
  EXPECT_THAT(bound.out, HasSubstr("mend         only 1 of "));
}

// Asked for a stop after it has installed its handlers, with measurements of a second before it.
int exit_code_after(int signal, const std::string& output) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execl(kEngine.c_str(), kEngine.c_str(), "doctor", nullptr);
    ::_exit(127);
  }
  const auto catches = [child, signal] {
    const auto status = slurp(fmt::format("/proc/{}/status", child));
    const auto mask = status.find("SigCgt:");
    return mask != std::string::npos && ((std::stoull(status.substr(mask + 7), nullptr, 16) >> (signal - 1)) & 1U) != 0;
  };
  while (!catches()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ::kill(child, signal);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST(Doctor, StopsOnASignal) {
  const TempDir folder;
  for (const int signal : {SIGINT, SIGTERM}) {
    const auto output = folder / "output";
    EXPECT_EQ(exit_code_after(signal, output.string()), 75) << signal;
    EXPECT_THAT(slurp(output), HasSubstr("stopped measuring"));
    EXPECT_THAT(slurp(output), Not(HasSubstr("libtorch")));
  }
}

TEST(Doctor, SaysThatTheDiskCannotBeWrittenTo) {
  ProgramOptions options;
  options.directory = "/proc";
  const auto report = report_of({kEngine, "doctor", "--json"}, options);
  EXPECT_TRUE(report.at("disk_bytes_per_second").is_null());
  EXPECT_THAT(report.at("mend").dump(), HasSubstr("cannot be written to"));
}

// Bound threads are OpenMP's alone: the process itself may still run everywhere.
TEST(Doctor, KeepsAllProcessorsWhereOpenmpBindsThreads) {
  ProgramOptions options;
  options.environment = {{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", "cores"}};
  const auto report = report_of({kEngine, "doctor", "--json"}, options);
  EXPECT_EQ(report.at("processors").at("allowed"), available_processors());
  EXPECT_EQ(report.at("chosen").at("threads"), available_processors());
  EXPECT_EQ(report.at("chosen").at("pinned"), true);
}

// Preparing data uses threads of our own before the runtime is started.
TEST(Engine, PreparesOnAllProcessorsWhereOpenmpBindsThreads) {
  const TempDir folder;
  ProgramOptions options;
  options.directory = folder.path();
  options.environment = {{"OMP_PROC_BIND", "close"}, {"OMP_PLACES", "cores"}};
  std::filesystem::create_directory_symlink(fs::path(LLMTRAIN_SOURCE_DIR) / "data", folder / "data");
  const auto result =
      run_program({kEngine, "pretrain", LLMTRAIN_SOURCE_DIR "/configs/quickstart/pipeline.yaml", "--dry-run"}, options);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr(counted(static_cast<std::uint64_t>(available_processors()), "thread")));
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
  const auto report = report_of({kFront, "doctor", "--json"});
  EXPECT_EQ(report.at("libtorch"), doctor_report().at("libtorch"));
  // Threads are bound where the machine is all ours and each has a core.
  const auto& processors = report.at("processors");
  EXPECT_EQ(report.at("chosen").at("pinned"),
            processors.at("allowed") == processors.at("cores") && processors.at("allowed") == processors.at("online"));
}

TEST(Front, LinksNothingOfLibtorch) {
  const auto libraries = libraries_of(kFront);
  EXPECT_THAT(libraries, HasSubstr("libc.so"));
  for (const auto* name : {"libtorch", "libc10", "libgomp"}) EXPECT_THAT(libraries, Not(HasSubstr(name)));
}

}  // namespace
}  // namespace llmtrain
