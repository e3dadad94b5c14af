// Every system call of a save and of a load in turn: the process is killed there, or the call fails, once or for ever.
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <unistd.h>

#include "lib/base/parallel.h"
#include "lib/checkpoint/retention.h"
#include "tests/checkpoint/sample_checkpoint.h"
#include "tests/checkpoint/victim.h"
#include "tests/support/sanitizers.h"

namespace llmtrain {
namespace {

namespace fs = std::filesystem;
using testing::Contains;

constexpr const char* kNoTracer = "strace is not installed or may not trace here; as root: apt-get install strace";
// '?': not every processor's kernel has each.
constexpr const char* kCalls =
    "openat,write,fsync,close,?mkdir,?mkdirat,?rename,?renameat,?renameat2,?newfstatat,fstat,statx,getdents64,pread64,"
    "?unlink,unlinkat,?rmdir";

std::string find_program(const std::string& name) {
  std::istringstream path(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) {
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return folder + "/" + name;
  }
  return "";
}

std::string this_program() { return fs::read_symlink("/proc/self/exe").string(); }

using Arguments = std::vector<std::string>;

// The exit code of the test program, run so under strace with these options.
int run_traced(Arguments options, const Arguments& arguments) {
  // A leak cannot be looked for in a process that is traced. Set by strace: between fork and exec of a process with
  // several threads nothing may be allocated.
  options.insert(options.begin(), {find_program("strace"), "-f", "-qq", "-E", "ASAN_OPTIONS=detect_leaks=0"});
  options.push_back(this_program());
  options.insert(options.end(), arguments.begin(), arguments.end());
  return run_program(options).exit_code;
}

// The n-th call of a name in the life of a process, and the phase it belongs to.
struct Call {
  std::string name;
  int number = 0;
  std::string phase;
};

// What a run does between its first mark and its end when nothing fails. Empty where it cannot be traced.
std::vector<Call> calls_of(const Arguments& arguments, int expected_code) {
  const TempDir folder;
  if (find_program("strace").empty()) return {};
  const auto trace = std::string("trace=?access,?faccessat,?faccessat2,") + kCalls;
  if (run_traced({"-o", (folder / "log").string(), "-e", trace}, arguments) != expected_code) return {};
  static const std::regex kCall(R"(^(?:\d+ +)?(\w+)\()");
  static const std::regex kMark(R"(access\w*\((?:AT_FDCWD, )?"(/begin-to-\w+|/end)\")");
  std::vector<Call> calls;
  std::map<std::string, int> counts;
  std::string phase;
  std::istringstream log(slurp(folder / "log"));
  for (std::string line; std::getline(log, line);) {
    std::smatch match;
    if (std::regex_search(line, match, kMark)) {
      phase = match[1];
    } else if (std::regex_search(line, match, kCall)) {
      const int number = ++counts[match[1]];
      if (!phase.empty() && phase != kMarkEnd) calls.push_back({match[1], number, phase});
    }
  }
  return calls;
}

std::string injection(const Call& call, const std::string& fault, bool for_ever = false) {
  return fmt::format("inject={}:{}:when={}{}", call.name, fault, call.number, for_ever ? "+" : "");
}

// More than processors, since most of the time goes by waiting for the disk.
constexpr int kThreads = 8;

// Folders in which saving step 3 has step 1 to prune and a leftover to clean.
class PreparedFolders {
 public:
  PreparedFolders() {
    for (const auto step : {1, 2}) save_sample(first_.path(), step);
    fs::create_directory(first_ / "step-9.tmp-1");
  }
  void fill(const fs::path& folder) const { fs::copy(first_.path(), folder, fs::copy_options::recursive); }

 private:
  TempDir first_;
};

std::vector<Call> calls_of_a_save(const PreparedFolders& prepared) {
  const TempDir folder;
  prepared.fill(folder.path());
  return calls_of({"--save", folder.path().string(), "3"}, 0);
}

std::set<std::string> names_of(const std::vector<Call>& calls) {
  std::set<std::string> names;
  for (const auto& call : calls) names.insert(call.name);
  return names;
}

std::int64_t newest_step(const fs::path& folder) {
  const auto newest = newest_valid(folder, Log(LogLevel::kQuiet));
  return newest ? newest->manifest().step : 0;
}

void expect_only_checkpoints(const fs::path& folder) {
  for (const auto& name : names_in(folder)) EXPECT_TRUE(std::regex_match(name, std::regex(R"(step-\d+)"))) << name;
}

// Two files and the manifest, then the folder, are made durable before they get their name, and the name after it.
TEST(StorageFaults, NothingIsNamedBeforeItIsDurable) {
  const PreparedFolders prepared;
  const auto calls = calls_of_a_save(prepared);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  std::vector<std::string> order;
  for (const auto& call : calls) {
    if (call.phase == kMarkSave && call.name == "fsync") order.push_back("sync");
    if (call.phase == kMarkSave && call.name.starts_with("rename")) order.push_back("rename");
  }
  EXPECT_THAT(order, testing::ElementsAre("sync", "sync", "sync", "sync", "rename", "sync"));
}

TEST(StorageFaults, KilledAtAnyCallASaveLosesNothing) {
  const PreparedFolders prepared;
  const auto calls = calls_of_a_save(prepared);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  for (const auto* name : {"openat", "write", "fsync", "close", "unlinkat"})
    EXPECT_THAT(names_of(calls), Contains(name));
  parallel_for(
      calls.size(),
      [&](std::size_t i) {
        const TempDir folder;
        prepared.fill(folder.path());
        const auto what = injection(calls[i], "signal=KILL");
        EXPECT_EQ(run_traced({"-o", "/dev/null", "-e", what}, {"--save", folder.path().string(), "3"}), 128 + SIGKILL)
            << what;
        EXPECT_EQ(faults_in(folder.path()), "") << what;
        const auto newest = newest_step(folder.path());
        EXPECT_GE(newest, calls[i].phase == kMarkPrune ? 3 : 2) << what;
        // Whoever comes next goes on from there.
        clean_temporary(folder.path());
        expect_only_checkpoints(folder.path());
        EXPECT_GE(list_checkpoints(folder.path()).size(), 2U) << what;
        save_sample(folder.path(), 3);
        EXPECT_EQ(newest_step(folder.path()), 3) << what;
      },
      kThreads);
}

TEST(StorageFaults, KilledAtAnyCallTheFirstSaveLeavesAWholeOneOrNone) {
  const TempDir calm;
  const auto calls = calls_of({"--save", calm.path().string(), "1"}, 0);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  parallel_for(
      calls.size(),
      [&](std::size_t i) {
        const TempDir folder;
        const auto what = injection(calls[i], "signal=KILL");
        EXPECT_EQ(run_traced({"-o", "/dev/null", "-e", what}, {"--save", folder.path().string(), "1"}), 128 + SIGKILL)
            << what;
        clean_temporary(folder.path());
        EXPECT_EQ(faults_in(folder.path()), "") << what;
        EXPECT_GE(newest_step(folder.path()), calls[i].phase == kMarkPrune ? 1 : 0) << what;
        expect_only_checkpoints(folder.path());
      },
      kThreads);
}

// What a failed call must come to. Once: the save is made anew with other files. For ever: it is given up.
void expect_after_fault(const fs::path& folder, const Call& call, int code, bool for_ever, const std::string& what) {
  // These are needed to remove a folder as well.
  static const std::set<std::string> kRemoving = {"openat", "getdents64", "unlinkat", "newfstatat",
                                                  "statx",  "fstat",      "close"};
  const bool saved = code == 0 || code == kSavedNotPruned;
  EXPECT_TRUE(saved || code == static_cast<int>(ExitCode::kStorage)) << what << ": " << code;
  EXPECT_EQ(faults_in(folder), "") << what;
  EXPECT_EQ(newest_step(folder), saved ? 3 : 2) << what;
  EXPECT_TRUE(saved || call.phase != kMarkPrune) << what;
  EXPECT_TRUE(code == 0 || call.phase != kMarkSave || for_ever) << what << ": " << code;
  if (!saved && kRemoving.count(call.name) == 0) {
    for (const auto& name : names_in(folder)) EXPECT_FALSE(name.starts_with("step-3")) << what;
  }
  EXPECT_GE(list_checkpoints(folder).size(), 2U) << what;  // more where one could not be read
  clean_temporary(folder);
  expect_only_checkpoints(folder);
}

// The exit code of a save with a fault, and how often it began to write.
struct TracedSave {
  int code = 0;
  int attempts = 0;
};

TracedSave save_with_fault(const fs::path& folder, const Call& call, const std::string& what) {
  const TempDir scratch;
  const auto log = scratch / "log";
  TracedSave save;
  save.code = run_traced({"-o", log.string(), "-e", "trace=?mkdir,?mkdirat," + call.name, "-e", what},
                         {"--save", folder.string(), "3"});
  const std::string text = slurp(log);
  static const std::regex kAttempt(R"(mkdir\w*\([^\n]*/step-3\.tmp-)");
  save.attempts = static_cast<int>(std::distance(std::sregex_iterator(text.begin(), text.end(), kAttempt), {}));
  return save;
}

void expect_to_survive(const std::string& error, const std::set<std::string>& names = {}) {
  if (kSanitized) GTEST_SKIP() << kNoFaults;
  const PreparedFolders prepared;
  auto calls = calls_of_a_save(prepared);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  if (!names.empty()) std::erase_if(calls, [&](const Call& call) { return names.count(call.name) == 0; });
  ASSERT_FALSE(calls.empty());
  std::atomic<int> closes = 0;
  parallel_for(
      2 * calls.size(),
      [&](std::size_t i) {
        const auto& call = calls[i / 2];
        const bool for_ever = i % 2 == 1;
        const TempDir folder;
        prepared.fill(folder.path());
        const auto what = injection(call, "error=" + error, for_ever);
        const auto save = save_with_fault(folder.path(), call, what);
        expect_after_fault(folder.path(), call, save.code, for_ever, what);
        if (call.phase != kMarkSave || for_ever) return;
        // No fault of these is passed over: what was written before it is not trusted.
        const std::set<std::string> writing = {"write", "fsync", "mkdir", "mkdirat", "rename", "renameat2"};
        EXPECT_TRUE(save.attempts == 2 || writing.count(call.name) == 0) << what;
        if (call.name == "close" && save.attempts == 2) ++closes;
      },
      kThreads);
  EXPECT_EQ(closes, 3);  // of the files; folders are only read
}

TEST(StorageFaults, AnErrorOfTheDiskAtAnyCallIsNeverASave) { expect_to_survive("EIO"); }

TEST(StorageFaults, AFullDiskAtAnyCallIsNeverASave) {
  expect_to_survive("ENOSPC", {"openat", "write", "fsync", "close", "mkdir", "mkdirat", "rename", "renameat2"});
}

TEST(StorageFaults, InterruptedWritesGoOn) {
  if (kSanitized) GTEST_SKIP() << kNoFaults;
  const PreparedFolders prepared;
  const auto calls = calls_of_a_save(prepared);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  for (const auto& call : calls) {
    if (call.name != "write") continue;
    for (const auto* error : {"EINTR", "EAGAIN"}) {
      const TempDir folder;
      prepared.fill(folder.path());
      const auto what = injection(call, std::string("error=") + error);
      const auto save = save_with_fault(folder.path(), call, what);
      EXPECT_EQ(save.code, 0) << what;
      EXPECT_EQ(save.attempts, 1) << what;
      EXPECT_EQ(faults_in(folder.path()), "") << what;
    }
  }
}

TEST(StorageFaults, AnErrorAtAnyCallOfALoadIsRefusedOrFallsBack) {
  if (kSanitized) GTEST_SKIP() << kNoFaults;
  const TempDir folder;
  for (const auto step : {1, 2}) save_sample(folder.path(), step);
  const Arguments arguments = {"--load", folder.path().string()};
  const auto calls = calls_of(arguments, kLoadedStep + 2);
  if (calls.empty()) GTEST_SKIP() << kNoTracer;
  EXPECT_THAT(names_of(calls), Contains("pread64"));
  parallel_for(
      2 * calls.size(),
      [&](std::size_t i) {
        const auto what = injection(calls[i / 2], "error=EIO", i % 2 == 1);
        const int code = run_traced({"-o", "/dev/null", "-e", what}, arguments);
        const std::set<int> good = {kLoadedStep + 2, kLoadedStep + 1, static_cast<int>(ExitCode::kResumeRefused)};
        EXPECT_EQ(good.count(code), 1U) << what << ": " << code;
      },
      kThreads);
}

}  // namespace
}  // namespace llmtrain
